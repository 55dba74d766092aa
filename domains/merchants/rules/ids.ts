declare module '../../../core/ids' {
  interface IdPrefixes {
    mer: 'a merchant';
    fee: 'a fee schedule';
  }
}

export {};
