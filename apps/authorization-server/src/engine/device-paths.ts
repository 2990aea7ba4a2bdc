/** Where a client without a browser begins (RFC 8628 section 3.1). */
export const DEVICE_AUTHORIZATION_PATH = '/device/auth';
/** Where its user enters the code, in any browser (RFC 8628 section 3.3). */
export const DEVICE_PATH = '/device';
