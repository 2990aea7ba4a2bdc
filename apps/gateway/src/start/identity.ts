import { PRODUCT_VERSION } from '@sallyport/kernel';

/** Who the gateway says it is: to agents in `serverInfo`, to servers in `clientInfo` and `User-Agent`. */
export const IDENTITY = { name: 'sallyport', version: PRODUCT_VERSION };
export const USER_AGENT = `${IDENTITY.name}/${IDENTITY.version}`;
