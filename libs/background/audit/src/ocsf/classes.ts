/** The classes of OCSF that events become, with what we use of their activities; both versions have the same. */
export const CLASSES = {
  apiActivity: {
    uid: 6003,
    caption: 'API Activity',
    category: 'Application Activity',
    activities: { Unknown: 0, Create: 1, Read: 2, Update: 3, Delete: 4 },
  },
  authentication: {
    uid: 3002,
    caption: 'Authentication',
    category: 'Identity & Access Management',
    activities: { Logon: 1, Logoff: 2, 'Service Ticket Request': 4, 'Service Ticket Renew': 5 },
  },
  authorizeSession: {
    uid: 3003,
    caption: 'Authorize Session',
    category: 'Identity & Access Management',
    activities: { 'Assign Privileges': 1 },
  },
  userAccess: {
    uid: 3005,
    caption: 'User Access Management',
    category: 'Identity & Access Management',
    activities: { 'Assign Privileges': 1, 'Revoke Privileges': 2 },
  },
  entityManagement: {
    uid: 3004,
    caption: 'Entity Management',
    category: 'Identity & Access Management',
    activities: {
      Create: 1,
      Read: 2,
      Update: 3,
      Delete: 4,
      Enroll: 6,
      Unenroll: 7,
      Deactivate: 11,
      Suspend: 12,
      Resume: 13,
    },
  },
  detectionFinding: {
    uid: 2004,
    caption: 'Detection Finding',
    category: 'Findings',
    activities: { Create: 1 },
  },
} as const;

export type ClassName = keyof typeof CLASSES;

/** `{ other }`: OCSF has no such activity (id 99), and this is its name. */
export type Activity<C extends ClassName = ClassName> = C extends ClassName
  ? keyof (typeof CLASSES)[C]['activities'] | { readonly other: string }
  : never;

/** What every event says of its class and activity. */
export function classified(name: ClassName, activity: Activity): Record<string, number | string> {
  const { uid, caption, category, activities } = CLASSES[name];
  const isOther = typeof activity === 'object';
  const id = isOther ? 99 : (activities as Readonly<Record<string, number>>)[activity];
  if (id === undefined) throw new TypeError(`${caption} has no such activity`);
  return {
    category_uid: Math.floor(uid / 1000),
    category_name: category,
    class_uid: uid,
    class_name: caption,
    activity_id: id,
    activity_name: isOther ? activity.other : activity,
    type_uid: uid * 100 + id,
    type_name: `${caption}: ${isOther ? 'Other' : activity}`,
  };
}
