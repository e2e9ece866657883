/** Whether this is Node (or a program that has its parts, such as Electron), not a browser. */
export const inNode = typeof process !== "undefined" && process.versions?.node !== undefined;
