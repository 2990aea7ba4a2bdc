import { SallyportError } from '@sallyport/kernel';

/**
 * The official clients are large and most deployments use none: whoever wants one installs it.
 * @param packages what is to be installed, as `npm install` takes it
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
      `The client of this key service is not installed: run npm install ${packages} where Sallyport is installed, or add it to the image.`,
      { cause },
    );
  }
}
