/** In addresses, `user:password@` becomes `user:***@`; a password that should have been percent-encoded goes as a whole. */
export const withoutPassword = (text: string): string => text.replaceAll(/(:\/\/[^\s:@/,"']*):[^\s/,"']+@/g, '$1:***@');
