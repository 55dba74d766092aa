declare module '../../../core/ids' {
  interface IdPrefixes {
    set: 'the settlement of a day';
    rec: 'a reconciliation';
    out: 'a payout';
  }
}

export {};
