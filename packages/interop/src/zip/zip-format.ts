/* What readers and writers of zip archives agree on. */

/** With which the parts of an archive begin. */
export const signatures = {
  local: 0x04034b50,
  descriptor: 0x08074b50,
  central: 0x02014b50,
  end64: 0x06064b50,
  locator64: 0x07064b50,
  end: 0x06054b50,
} as const;

/** Names are UTF-8. */
export const utf8Names = 0x0800;
/** 1 January 1980, the first day that zip knows: the same contents make the same bytes. */
export const firstDay = 0x0021;
