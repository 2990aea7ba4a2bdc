import type { FastifyReply } from 'fastify';
import { writeCookie, type CookieNames } from '../pages/cookies.js';
import type { SignIn } from './sign-in.js';

/** Sends a browser that nobody is signed in with to our authorization server, and from there back to `path`. */
export async function sendToSignIn(
  path: string,
  { signIn, cookies }: { signIn: SignIn; cookies: CookieNames },
  reply: FastifyReply,
): Promise<void> {
  const { url, cookie, maxAgeSeconds } = await signIn.begin(path);
  void reply
    .header('set-cookie', writeCookie(cookies.signIn, cookie, { maxAgeSeconds, secure: cookies.secure }))
    .header('cache-control', 'no-store')
    .status(303)
    .header('location', url)
    .send();
}
