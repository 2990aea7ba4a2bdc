/** Who the gateway says it is: to agents in `serverInfo`, to servers in `clientInfo` and `User-Agent`. */
export const IDENTITY = { name: 'sallyport', version: '0.1.0' };
export const USER_AGENT = `${IDENTITY.name}/${IDENTITY.version}`;
