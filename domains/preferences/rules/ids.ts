declare module '../../../core/ids' {
  interface IdPrefixes {
    sub: 'a subscriber';
    dst: "a subscriber's destination";
    prf: "a subscriber's choice";
    sup: 'a suppression';
    prc: 'a change of preferences or suppressions';
    blk: 'a bulk suppression';
    sxp: 'an export of everything held about a subscriber';
  }
}

export {};
