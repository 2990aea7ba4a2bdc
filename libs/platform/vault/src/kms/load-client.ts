import { SallyportError } from '@sallyport/kernel';

/**
 * Loads the official client of a key service. It is an optional dependency: it is large, and most deployments use none.
 * @param packages the packages to install, as `npm install` takes them
 * @throws SallyportError `key_service_client_missing`
 */
export async function loadClient<Module>(load: () => Promise<Module>, packages: string): Promise<Module> {
  try {
    return await load();
  } catch (cause) {
    const isMissing =
      cause instanceof Error &&
      'code' in cause &&
      cause.code === 'ERR_MODULE_NOT_FOUND' &&
      packages.split(' ').some((name) => cause.message.includes(`'${name}'`));
    if (!isMissing) throw cause;
    throw new SallyportError(
      'key_service_client_missing',
      'The client of this key service is not installed: ' +
        `run npm install ${packages} where Sallyport is installed, or add it to the image.`,
      { cause },
    );
  }
}
