/** Of one message, below the server's `max_payload` of 1 MB. */
export const MAX_MESSAGE_BYTES = 1024 * 1024 - 4_096;
