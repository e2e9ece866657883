import { describe, expect, test } from "@jest/globals";
import {
  memoryAccess,
  openTorchFile,
  type PickleDict,
  PickleObject,
  plainValue,
  readZipDirectory,
  type TorchTensor,
  unpickle,
} from "@nnunet/interop";
import { readRecord } from "../src/zip/zip-content.ts";
import { deflatedZip, int, program, tensorProgram, text, torchZip, weightsPickle, zip } from "./hostile-files.ts";

const open = (bytes: Uint8Array) => openTorchFile(memoryAccess(bytes, "evil.pth"));
const weights = async (bytes: Uint8Array) =>
  (((await open(bytes)).value as PickleDict).get("network_weights") as PickleDict).get("w");
const values = (count: number) => ({ name: "x/data/0", content: new Uint8Array(new Float32Array(count).buffer) });

describe("a pickle", () => {
  test("that asks for os.system gets a record of the request, and nothing happens", () => {
    const marker = "touch /tmp/nnunet-was-here";
    const { value } = unpickle(program(0x80, 2, "cos\nsystem\n", text(marker), 0x85, "R."), "evil.pkl");
    expect(value).toBeInstanceOf(PickleObject);
    expect((value as PickleObject).path).toBe("os.system");
  });

  test.each([
    ["REDUCE", program("cbuiltins\neval\n(", text("1"), "tR.")],
    ["NEWOBJ", program("cbuiltins\neval\n(", text("1"), "t", 0x81, ".")],
    ["NEWOBJ_EX", program("cbuiltins\neval\n(", text("1"), "t}", 0x92, ".")],
    ["INST", program("(", text("1"), "ibuiltins\neval\n.")],
    ["OBJ", program("(cbuiltins\neval\n", text("1"), "o.")],
    ["STACK_GLOBAL", program(text("builtins"), text("eval"), 0x93, text("1"), 0x85, "R.")],
  ])("names a function by %s and it stays a name", (_, bytes) => {
    expect((unpickle(bytes, "x").value as PickleObject).path).toBe("builtins.eval");
  });

  test("whose list contains itself is made, and refused where it would become JSON", () => {
    const { value } = unpickle(program("]q", 0, "h", 0, "a."), "x");
    expect((value as unknown[])[0]).toBe(value);
    expect(() => plainValue(value, "x.pkl", "plans")).toThrow(
      "x.pkl → plans: nests deeper than 100 levels, or contains itself",
    );
  });

  test("of lists that hold the one before twice, sixty levels deep, takes no memory and becomes no JSON", () => {
    const levels = Array.from({ length: 60 }, (_, i) => program("](h", i, "h", i, "eq", i + 1));
    const { value } = unpickle(program("]q", 0, ...levels, "."), "x");
    expect(() => plainValue(value, "x.pkl", "plans")).toThrow("x.pkl → plans: has more than 4,000,000 values");
  });

  test("that is a million brackets deep is read without recursion", () => {
    const { value } = unpickle(program("]".repeat(1_000_000), "a".repeat(999_999), "."), "x");
    expect(Array.isArray(value)).toBe(true);
  });

  test("that makes one long list a set, a tuple and a list a hundred thousand times takes no more memory", () => {
    const call = "cbuiltins\nlist\nh\x00\x85R0cbuiltins\nset\nh\x00\x85R0";
    const before = process.memoryUsage().rss;
    unpickle(program("](", "N".repeat(100_000), "eq", 0, call.repeat(100_000), "."), "x");
    expect(process.memoryUsage().rss - before).toBeLessThan(400e6);
  });

  test.each([
    ["is cut off", program(0x80, 2, "}"), "it is cut off"],
    ["promises a text of 4 GB", program("X", 0xff, 0xff, 0xff, 0xff, "abc."), "it is cut off"],
    ["promises bytes of 16 exabytes", program(0x8e, Buffer.alloc(8, 0xff), "."), "it is cut off"],
    [
      "promises a text of a negative length",
      program("T", Buffer.alloc(4, 0xff), "."),
      "it has a text of a negative length",
    ],
    ["holds a number of a gigabyte", program(0x8b, 0, 0, 0, 0x40, "."), "it holds a whole number of 1073741824 bytes"],
    ["recalls what it has not stored", program("h", 9, "."), "it recalls a value that it has not stored"],
    ["takes what is not there", program("."), "it takes a value that is not there"],
    ["looks for a mark that is not there", program("Nt."), "it looks for a mark that is not there"],
    ["is of a protocol to come", program(0x80, 9, "N."), "it is of protocol 9, which is newer than 5"],
    ["has an operation of extensions", program(0x82, 1, "."), "it has the unknown operation 0x82"],
    ["has buffers outside of it", program(0x97, "."), "it has the unknown operation 0x97"],
    ["refers to values outside", program("P0\n."), "it refers to values outside of it"],
    ["has a list as a key", program("}]Ns."), "it has a key that Python refuses"],
    ["has a key without a value", program("}(Nu."), "it has a key without a value"],
    ["appends to a number", program("K", 1, "Na."), "it adds items to something that is no list"],
    ["frames more than there is", program(0x95, 9, Buffer.alloc(7), "N."), "it is cut off"],
  ])("that %s is refused", (_, bytes, problem) => {
    const sentence = `x.pkl → data: is no whole pickle (${problem}`;
    expect(() => unpickle(bytes, "x.pkl", { field: "data" })).toThrow(sentence);
  });
});

describe("a tensor", () => {
  test.each([
    ["larger than its storage", tensorProgram([7], [1]), "it has a tensor of shape [7] beyond its storage of 6 values"],
    ["beginning behind it", tensorProgram([1], [1], { offset: 6 }), "beyond its storage of 6 values"],
    ["beginning before it", tensorProgram([1], [1], { offset: -1 }), "not made of whole numbers"],
    ["of negative strides", tensorProgram([2], [-1], { offset: 3 }), "not made of whole numbers"],
    ["of a negative extent", tensorProgram([-1], [1]), "not made of whole numbers"],
    ["of strides without axes", tensorProgram([1], [1, 1]), "it has a tensor of 1 axes with 2 strides"],
    ["of a storage of a negative size", tensorProgram([0], [1], { count: -1 }), "something else than the values"],
  ])("%s is refused", async (_, tensor, problem) => {
    await expect(open(torchZip(weightsPickle(tensor), [values(6)]))).rejects.toThrow(problem);
  });

  test("of two billion values that are one value repeated is refused before they are made", async () => {
    const bytes = torchZip(weightsPickle(tensorProgram([40_000, 50_000], [0, 0])), [values(6)]);
    const tensor = (await weights(bytes)) as TorchTensor;
    await expect((await open(bytes)).read(tensor, "w")).rejects.toThrow(
      "evil.pth → w: is a tensor of 2000000000 values, too many to be read",
    );
  });

  test("whose storage is missing, or of another size, is refused when it is read", async () => {
    for (const [more, there] of [
      [[], "there is none"],
      [[values(5)], "it has 20"],
    ] as const) {
      const bytes = torchZip(weightsPickle(tensorProgram([6], [1])), more);
      const tensor = (await weights(bytes)) as TorchTensor;
      await expect((await open(bytes)).read(tensor, "w")).rejects.toThrow(
        `evil.pth → w: needs the 24 bytes of data/0, but ${there}; the file is damaged, get it again`,
      );
    }
  });

  test("that os.system would make is a record of the request", async () => {
    const tensor = program("cos\nsystem\n", text("x"), 0x85, "R");
    const found = await weights(torchZip(weightsPickle(tensor)));
    expect((found as PickleObject).path).toBe("os.system");
  });

  test("in a storage of a path is looked for under that name, and nowhere else", async () => {
    const bytes = torchZip(weightsPickle(tensorProgram([6], [1], { key: "../../etc/passwd" })), [values(6)]);
    const tensor = (await weights(bytes)) as TorchTensor;
    await expect((await open(bytes)).read(tensor, "w")).rejects.toThrow("but there is none");
  });
});

describe("a zip archive", () => {
  const pickle = program("}.");

  test.each([["../x/data.pkl"], ["/x/data.pkl"], ["C:/data.pkl"], ["x\\data.pkl"], ["x//data.pkl"], ["x/\0/data.pkl"]])(
    "with a file named %j is refused",
    async (name) => {
      await expect(open(zip([{ name, content: pickle }]))).rejects.toThrow(
        /is a name that leads out of the archive's folder/,
      );
    },
  );

  test("with one name twice is refused", async () => {
    const twice = { name: "x/data.pkl", content: pickle };
    await expect(open(zip([twice, twice]))).rejects.toThrow("evil.pth: has x/data.pkl twice");
  });

  test("whose files share bytes is refused", async () => {
    const bytes = torchZip(pickle, [values(6)]);
    const entry = bytes.lastIndexOf("x/data/0") - 46;
    const local = bytes.indexOf("x/data/0") - 30;
    // the longer of the two claims the bytes of what comes behind it
    for (const at of [entry + 20, entry + 24, local + 18, local + 22]) bytes.writeUInt32LE(24 + 4096, at);
    await expect(open(bytes)).rejects.toThrow(/reaches beyond its end|share bytes/);
    const first = bytes.indexOf("x/data.pkl", bytes.indexOf("PK\x01\x02", 0, "latin1")) - 46;
    const clean = torchZip(pickle, [values(6)]);
    for (const field of [20, 24]) clean.writeUInt32LE(100, first + field);
    await expect(open(clean)).rejects.toThrow(/x\/data\.pkl and x\/version share bytes/);
  });

  test("that is encrypted is refused by a sentence that says so", async () => {
    await expect(open(deflatedZip("x/data.pkl", pickle, { flags: 1 }))).rejects.toThrow(
      "evil.pth → x/data.pkl: is encrypted, and only open archives are read; unpack it with its password and import the folder",
    );
  });

  test("compressed by a method that is not read is refused", async () => {
    await expect(open(deflatedZip("x/data.pkl", pickle, { method: 99 }))).rejects.toThrow(
      "evil.pth → x/data.pkl: is compressed by method 99, only deflate is read",
    );
  });

  test("that unpacks to more, or less, than it promises is refused", async () => {
    const content = Buffer.concat([pickle, Buffer.alloc(5000)]);
    await expect(open(deflatedZip("x/data.pkl", content, { promised: 100 }))).rejects.toThrow(
      "evil.pth → x/data.pkl: holds more than the 100 bytes that are promised; it is damaged, get it again",
    );
    await expect(open(deflatedZip("x/data.pkl", content, { promised: 9000 }))).rejects.toThrow(
      "evil.pth → x/data.pkl: holds 5002 bytes, 9000 are promised",
    );
  });

  test("whose pickle unpacks to more than 64 MiB is refused before it is unpacked", async () => {
    const bomb = deflatedZip("x/data.pkl", Buffer.alloc(2 ** 26 + 1));
    expect(bomb.length).toBeLessThan(100_000);
    await expect(open(bomb)).rejects.toThrow("evil.pth → x/data.pkl: has 67108865 bytes, at most 67108864 are read");
  });

  test("that promises more than deflate can hold is refused before anything is unpacked", async () => {
    const bomb = deflatedZip("a", Buffer.alloc(1000), { promised: 2 ** 31 });
    const source = memoryAccess(bomb, "bomb.zip");
    const record = (await readZipDirectory(source)).get("a")!;
    await expect(readRecord(source, record, 2 ** 32)).rejects.toThrow("cannot hold the 2147483648 that are promised");
  });

  test.each([0.1, 0.5, 0.9, 0.99])("cut off after %d of its bytes is refused", async (part) => {
    const whole = torchZip(weightsPickle(tensorProgram([6], [1])), [values(6)]);
    const cut = whole.subarray(0, Math.floor(part * whole.length));
    await expect(open(cut)).rejects.toThrow(
      "evil.pth: is no whole zip archive: it has no directory at its end; the zip archive is cut off or damaged, get it again",
    );
  });

  test.each([
    ["that torch.save did not write", zip([{ name: "a.txt", content: pickle }]), "none that torch.save wrote"],
    [
      "of a TorchScript program",
      torchZip(pickle, [{ name: "x/constants.pkl", content: pickle }]),
      "is a TorchScript program, no checkpoint",
    ],
  ])("%s is refused by name", async (_, bytes, problem) => {
    await expect(open(bytes)).rejects.toThrow(problem);
  });
});

test.each([
  ["an empty file", Buffer.alloc(0), "evil.pth: the file is empty; get it again"],
  ["a text", Buffer.from("hello, this is no checkpoint"), "is no checkpoint of torch"],
  ["a pickle of something else", program(0x80, 2, int(5), "."), "is no checkpoint of torch"],
])("%s is refused", async (_, bytes, problem) => {
  await expect(open(bytes)).rejects.toThrow(problem);
});
