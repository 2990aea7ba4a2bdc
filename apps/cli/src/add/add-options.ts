/** What `sallyport add` was told besides the address. */
export interface AddOptions {
  readonly registry?: string;
  readonly registryUrl?: string;
  readonly serverJson?: string;
  readonly name?: string;
  readonly role?: string;
  readonly issuer?: string;
  readonly allow: readonly string[];
  readonly out?: string;
  readonly offline?: true;
}
