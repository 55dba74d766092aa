declare module '../../../core/ids' {
  interface IdPrefixes {
    ltx: 'a ledger transaction';
    adj: 'an adjustment';
  }
}

export {};
