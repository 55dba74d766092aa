declare module '../../../core/ids' {
  interface IdPrefixes {
    ten: 'a tenant';
    key: 'an API key';
  }
}

export {};
