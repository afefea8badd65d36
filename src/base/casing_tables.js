// casing_tables.js: prints casing_tables.h from the Unicode data of Node (node src/base/casing_tables.js > src/base/casing_tables.h).
"use strict";

const hex = (c) => "0x" + c.toString(16).padStart(4, "0");

// [from, to, step, delta]: from, from + step, … to are mapped to themselves + delta
function runs(pairs) {
  const found = [];
  for (const [from, to] of pairs) {
    const last = found[found.length - 1];
    const delta = to - from;
    if (last && last.delta === delta && (last.from === last.to || from - last.to === last.step) && from - last.to <= 2) {
      last.step = from - last.to;
      last.to = from;
    } else found.push({ from, to: from, step: 1, delta });
  }
  return found;
}

function mappings(name, comment, end, map) {
  const pairs = [];
  for (let c = 0x80; c < end; c++) {
    if (c >= 0xd800 && c <= 0xdfff) continue;
    const to = map(String.fromCodePoint(c), c);
    if (to !== c) pairs.push([c, to]);
  }
  console.log(`/* ${comment} */\nstatic const SSCaseRun ${name}[] = {`);
  for (const r of runs(pairs)) console.log(`\t{${hex(r.from)}, ${hex(r.to)}, ${r.step}, ${r.delta}},`);
  console.log("};\n");
}

function ranges(name, comment, property) {
  const has = new RegExp(`^\\p{${property}}$`, "u");
  const found = [];
  for (let c = 0; c <= 0x10ffff; c++) {
    if ((c >= 0xd800 && c <= 0xdfff) || !has.test(String.fromCodePoint(c))) continue;
    const last = found[found.length - 1];
    if (last && last[1] === c - 1) last[1] = c;
    else found.push([c, c]);
  }
  console.log(`/* ${comment} */\nstatic const SSCaseRange ${name}[] = {`);
  for (const [from, to] of found) console.log(`\t{${hex(from)}, ${hex(to)}},`);
  console.log("};\n");
}

console.log(`/*
 * casing_tables.h: what casing.c knows of Unicode ${process.versions.unicode}: made by casing_tables.js, not by hand.
 *
 * Included by casing.c alone. ASCII is left out of the mappings.
 */
#ifndef SS_CASING_TABLES_H
#define SS_CASING_TABLES_H
`);
mappings("lower_runs", "Lower case of one code point: the mappings to one.", 0x110000, (s, c) => {
  const lower = [...s.toLowerCase()];
  return lower.length === 1 ? lower[0].codePointAt(0) : c;
});
mappings("upper_runs", "Upper case of one UTF-16 unit: the mappings to one that is not ASCII.", 0x10000, (s, c) => {
  const upper = s.toUpperCase();
  return upper.length === 1 && upper.charCodeAt(0) >= 128 ? upper.charCodeAt(0) : c;
});
ranges("cased", "Property Cased.", "Cased");
ranges("case_ignorable", "Property Case_Ignorable.", "Case_Ignorable");
console.log("#endif /* SS_CASING_TABLES_H */");
