#!/bin/sh
# skeleton.sh FOLDER: the workspace in the current folder without its code. Every manifest is there, every source file that a
# manifest needs is an empty stub. It changes when a dependency does, and so does the image layer in which they are built.
set -eu

out=$1
stub() {
  mkdir -p "$(dirname "$1")"
  # Good for a library and for a program.
  echo 'fn main() {}' >"$1"
}

mkdir -p "$out"
cp Cargo.toml Cargo.lock "$out/"
if [ -d .cargo ]; then cp -R .cargo "$out/"; fi
find . -mindepth 2 -name Cargo.toml -not -path './target/*' | while read -r manifest; do
  folder=${manifest%/Cargo.toml}
  mkdir -p "$out/$folder"
  cp "$manifest" "$out/$manifest"
  for file in src/lib.rs src/main.rs build.rs; do
    if [ -f "$folder/$file" ]; then stub "$out/$folder/$file"; fi
  done
  sed -n 's/^path = "\(.*\.rs\)"$/\1/p' "$manifest" | while read -r file; do stub "$out/$folder/$file"; done
  # A bench that is named in the manifest, where cargo looks for it.
  sed -n '/^\[\[bench\]\]$/,/^$/s/^name = "\(.*\)"$/\1/p' "$manifest" | while read -r bench; do stub "$out/$folder/benches/$bench.rs"; done
done
