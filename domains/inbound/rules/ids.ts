declare module '../../../core/ids' {
  interface IdPrefixes {
    src: 'a source of inbound webhooks';
    ins: "a source's signing secret";
    inb: 'an inbound event';
  }
}

export {};
