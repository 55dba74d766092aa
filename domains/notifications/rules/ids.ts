declare module '../../../core/ids' {
  interface IdPrefixes {
    ntf: 'a notification';
    snd: 'a notification on its way to one address';
    ibx: 'a notification in the app';
  }
}

export {};
