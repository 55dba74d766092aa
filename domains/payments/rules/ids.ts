declare module '../../../core/ids' {
  interface IdPrefixes {
    ord: 'an order';
    wal: 'a wallet';
    pay: 'a payment';
    ref: 'a refund';
    cbk: 'a chargeback';
    apr: 'an approval';
  }
}

export {};
