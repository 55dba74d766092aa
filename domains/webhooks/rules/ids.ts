declare module '../../../core/ids' {
  interface IdPrefixes {
    ep: 'an endpoint';
    sec: "an endpoint's signing secret";
    msg: 'a message';
    dlv: 'a delivery';
    att: 'an attempt';
    dl: 'a dead letter';
    rpl: 'a replay';
    inc: 'an incident of an endpoint: the time from its circuit opening to its closing';
  }
}

export {};
