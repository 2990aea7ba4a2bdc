/** Whether a host is this machine and nobody else's: a loopback name or address, or a socket without a host. */
export function isThisMachine(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, '').toLowerCase();
  return (
    host === '' ||
    host === 'localhost' ||
    host === '::1' ||
    host.endsWith('.localhost') ||
    /^127(\.\d{1,3}){3}$/.test(host)
  );
}
