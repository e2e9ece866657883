/*
 * A file of DICOM has one character set. What is copied from the source stands in the source's, of which there are
 * dozens; what we add, the names of labels, may have any letters.
 */

/** Single character sets of DICOM (PS3.3 C.12.1.1.2) by the name that TextDecoder has for them. */
const decoders: Readonly<Record<string, string>> = {
  "": "utf-8", // plain ASCII by the standard; what is written instead is mostly this
  "ISO_IR 6": "utf-8",
  "ISO_IR 192": "utf-8",
  "ISO_IR 100": "iso-8859-1",
  "ISO_IR 101": "iso-8859-2",
  "ISO_IR 109": "iso-8859-3",
  "ISO_IR 110": "iso-8859-4",
  "ISO_IR 144": "iso-8859-5",
  "ISO_IR 127": "iso-8859-6",
  "ISO_IR 126": "iso-8859-7",
  "ISO_IR 138": "iso-8859-8",
  "ISO_IR 148": "iso-8859-9",
  "ISO_IR 203": "iso-8859-15",
  "ISO_IR 13": "shift_jis",
  "ISO_IR 166": "windows-874",
  GB18030: "gb18030",
  GBK: "gbk",
};

export interface CommonCharacterSet {
  /** The value of SpecificCharacterSet; undefined for ASCII. */
  readonly name: string | undefined;
  /** A text of the source. */
  readonly copied: (bytes: Uint8Array) => Uint8Array;
  /** A text of ours. */
  readonly own: (text: string) => string;
}

/**
 * The source's character set where our texts are ASCII, so that its texts stay as they are byte for byte; else Unicode.
 *
 * @param source - its SpecificCharacterSet, "" for none
 * @param copied - the source's texts
 * @param own - ours
 */
export function commonCharacterSet(
  source: string,
  copied: readonly Uint8Array[],
  own: readonly string[],
): CommonCharacterSet {
  const asItIs = { name: source === "" ? undefined : source, copied: (bytes: Uint8Array) => bytes };
  if (own.every(isAscii)) return { ...asItIs, own: (text) => text };
  const unicode = { name: "ISO_IR 192", own: (text: string) => text };
  if (copied.every((bytes) => bytes.every((byte) => byte < 0x80 && byte !== 0x1b))) {
    return { ...unicode, copied: (bytes) => bytes };
  }
  const decoder = decoders[source];
  if (decoder !== undefined) {
    const decode = new TextDecoder(decoder);
    return { ...unicode, copied: (bytes) => new TextEncoder().encode(decode.decode(bytes)) };
  }
  // Sets that switch by escape sequences hold letters of a few languages each: ours are written without their accents.
  return {
    ...asItIs,
    own: (text) =>
      text
        .normalize("NFKD")
        .replace(/\p{M}/gu, "")
        .replace(/[^ -~]/gu, "?"),
  };
}

function isAscii(text: string): boolean {
  return /^[ -~]*$/.test(text);
}
