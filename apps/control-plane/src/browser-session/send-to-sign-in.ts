import type { FastifyReply, FastifyRequest } from 'fastify';
import type { SignIn } from './sign-in.js';

/** Sends a browser that nobody is signed in with to our authorization server, and from there back to `path`. */
export async function sendToSignIn(
  path: string,
  signIn: SignIn,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const { url, setCookies } = await signIn.begin(path, request.headers.cookie);
  void reply
    .header('set-cookie', setCookies)
    .header('cache-control', 'no-store')
    .status(303)
    .header('location', url)
    .send();
}
