import { crc32 } from 'node:zlib';
import yauzl, { type Entry, type ZipFile } from 'yauzl';
import { Failure, systemCode } from '../../base/errors.ts';
import { quote } from '../../base/text.ts';
import { withFile } from './regular-file.ts';
import { flaw, refuse } from './unreadable.ts';
import { ZipReader } from './zip-reader.ts';

/** More members than this no archive of arrays has. */
export const MAX_MEMBERS = 4096;
/** Of a member's name and notes; they are kept for all members at once. */
const MAX_NOTES = 4096;
/** Uncompressed, all members together: what is longer takes minutes to look through. 16 GiB. */
export const MAX_BYTES = 16 * 1024 ** 3;

export type Member = { name: string; size: number; bytes: AsyncIterable<Buffer> };

/**
 * Goes through the members of a zip archive in the order of its central directory, which alone is believed: local headers may leave sizes
 * out. Nothing is unpacked to disk and one piece at a time is held. Encrypted members, names that lead elsewhere or come twice, members
 * that overlap, wrong sizes and checksums and archives beyond the limits are refused in words. Every member's bytes must be read to the end.
 */
export function eachMember(path: string, look: (member: Member) => Promise<void>): Promise<void> {
  return withFile(path, async (file, size) => {
    try {
      const options = { autoClose: false, lazyEntries: true, strictFileNames: true };
      const zip = await yauzl.fromRandomAccessReaderPromise(new ZipReader(file, size), size, options);
      // It may speak of an error once more after the one that was thrown.
      zip.on('error', () => {});
      const entries = await list(zip);
      await refuseOverlaps(zip, entries);
      for (const entry of entries) await look({ name: entry.fileName, size: entry.uncompressedSize, bytes: bytesOf(zip, entry) });
    } catch (error) {
      throw zipFault(error);
    }
  });
}

async function list(zip: ZipFile): Promise<Entry[]> {
  if (zip.entryCount > MAX_MEMBERS) refuse(`has ${zip.entryCount} members; expected at most ${MAX_MEMBERS}`);
  const entries: Entry[] = [];
  const names = new Set<string>();
  let total = 0;
  for await (const entry of zip.eachEntry()) {
    const name = quote(entry.fileName, 80);
    const notes = entry.fileNameLength + entry.extraFieldLength + entry.fileCommentLength;
    if (notes > MAX_NOTES)
      refuse(`has a member with a name and notes of ${notes} bytes; expected at most ${MAX_NOTES} (${name})`);
    if (names.has(entry.fileName)) refuse(`has ${name} twice`);
    if (entry.isEncrypted()) refuse(`is encrypted (${name})`);
    if (!entry.canDecodeFileData()) refuse(`is packed in a way that is not read (${name}: method ${entry.compressionMethod})`);
    total += entry.uncompressedSize;
    if (total > MAX_BYTES) refuse(`is ${total} bytes or more when unpacked; expected at most ${MAX_BYTES}`);
    names.add(entry.fileName);
    entries.push(entry);
  }
  return entries;
}

/** Members that share bytes are how a small file becomes endless ones. */
async function refuseOverlaps(zip: ZipFile, entries: readonly Entry[]): Promise<void> {
  const sorted = [...entries].sort((a, b) => a.relativeOffsetOfLocalHeader - b.relativeOffsetOfLocalHeader);
  let free = 0;
  for (const entry of sorted) {
    const name = quote(entry.fileName, 80);
    if (entry.relativeOffsetOfLocalHeader < free) refuse(`has members that overlap (${name})`);
    const header = await zip.readLocalFileHeaderPromise(entry);
    if (!header.fileName.equals(entry.fileNameRaw))
      refuse(`calls a member ${name} and ${quote(header.fileName.toString('latin1'), 80)}`);
    free = header.fileDataStart + entry.compressedSize;
  }
}

async function* bytesOf(zip: ZipFile, entry: Entry): AsyncGenerator<Buffer> {
  const stream = await zip.openReadStreamPromise(entry);
  stream.on('error', () => {});
  let sum = 0;
  for await (const piece of stream) {
    sum = crc32(piece, sum);
    yield piece;
  }
  if (sum !== entry.crc32) refuse(`is damaged: the checksum of ${quote(entry.fileName, 80)} does not fit its bytes`);
}

function zipFault(error: unknown): unknown {
  const code = systemCode(error);
  if (error instanceof Failure || (code !== undefined && /^E[A-Z]+$/.test(code))) return error;
  const message = error instanceof Error ? error.message : String(error);
  if (/End of central directory record signature not found/.test(message)) return flaw('is no zip archive, or it is cut off');
  if (/strong encryption/.test(message)) return flaw('is encrypted');
  const name = /^(?:absolute path|invalid relative path|invalid characters in fileName): (.*)$/s.exec(message)?.[1];
  if (name !== undefined) return flaw(`has a member whose name leads elsewhere (${quote(name, 80)})`);
  return flaw(`is damaged (${quote(message, 160)})`);
}
