/**
 * The package that writes reports, loaded when one is written: its charts need a document and a drawing library, which every
 * other command would wait for.
 */
export const reportPackage = () => import("@nnunet/report");
