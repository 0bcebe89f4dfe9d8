// What somebody dropped: files, or the files of a folder (without those of folders in it).

/** @param {DataTransfer} data @returns {Promise<File[]>} */
export async function filesOf(data) {
  // Entries and files can be asked for only now, while the event is handled.
  const items = [...data.items].filter((item) => item.kind === 'file');
  const dropped = items.map((item) => ({ entry: item.webkitGetAsEntry?.() ?? null, file: item.getAsFile() }));
  const lists = await Promise.all(
    dropped.map(({ entry, file }) =>
      entry?.isDirectory
        ? filesIn(/** @type {FileSystemDirectoryEntry} */ (entry))
        : Promise.resolve(file ? [file] : []),
    ),
  );
  return lists.flat();
}

/** @param {FileSystemDirectoryEntry} folder @returns {Promise<File[]>} */
async function filesIn(folder) {
  const reader = folder.createReader();
  const entries = [];
  // A reader gives a hundred at a time, and none when it is done.
  for (;;) {
    const some = await new Promise((/** @type {(e: FileSystemEntry[]) => void} */ take, fail) =>
      reader.readEntries(take, fail),
    );
    if (some.length === 0) break;
    entries.push(...some);
  }
  const files = /** @type {FileSystemFileEntry[]} */ (entries.filter((e) => e.isFile));
  return Promise.all(
    files.map((e) => new Promise((/** @type {(f: File) => void} */ take, fail) => e.file(take, fail))),
  );
}
