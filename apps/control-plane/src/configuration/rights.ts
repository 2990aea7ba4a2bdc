import { isPermitted, refusalOf } from '@sallyport/admin-api';
import type { Document, DocumentOf } from '@sallyport/configuration';
import { administratorRolesOf } from '@sallyport/policy/administrators';
import type { Administrator } from '../admin/administrators.js';
import type { Rights } from './change-sets/change-request.js';

/** What an administrator may write, by their roles at this request (security rule S29). */
export function rightsOf({ roles, who }: Administrator): Rights {
  return {
    refusalOf: ({ before, after }, stored) => {
      const document = after ?? before;
      if (document === undefined) return undefined;
      const { kind, name } = document;
      return refusalOf({ roles, who }, { kind, name, before, after }, stored)?.detail;
    },
    isStillIn: (documents) =>
      who === undefined || isPermitted(administratorRolesOf(administratorsOf(documents), who), 'configuration:write'),
  };
}

const administratorsOf = (documents: readonly Document[]) => ({
  all: <K extends Document['kind']>(kind: K) =>
    documents.filter((document): document is DocumentOf<K> => document.kind === kind),
});
