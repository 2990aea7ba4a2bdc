import { createUser } from '@nats-io/nkeys';
import { Secret } from '@sallyport/kernel';

/** A new key for one replica: the seed stays in its key directory, the public half goes into the server's configuration. */
export function createNkey(): { readonly seed: Secret; readonly publicNkey: string } {
  const pair = createUser();
  return { seed: new Secret(new TextDecoder().decode(pair.getSeed())), publicNkey: pair.getPublicKey() };
}
