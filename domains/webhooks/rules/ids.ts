declare module '../../../core/ids' {
  interface IdPrefixes {
    ep: 'an endpoint';
    sec: "an endpoint's signing secret";
    msg: 'a message';
    dlv: 'a delivery';
    att: 'an attempt';
    dl: 'a dead letter';
  }
}

export {};
