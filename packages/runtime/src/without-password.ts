/** Replaces passwords in addresses: `user:password@` becomes `user:***@`, also where the password is not percent-encoded. */
export const withoutPassword = (text: string): string => text.replaceAll(/(:\/\/[^\s:@/,"']*):[^\s/,"']+@/g, '$1:***@');
