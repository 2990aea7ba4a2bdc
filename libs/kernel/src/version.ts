/** The version of the product: what `package.json` of the repository says. */
export const PRODUCT_VERSION = '0.1.0';
