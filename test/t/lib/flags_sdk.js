// flags_sdk.js SDK SEED COUNT: random conditions, features and experiments, and what GrowthBook's JavaScript SDK gives for them, one JSON
// document a line: {kind, a, b, c, expected}, the arguments of the SQL function of that kind. Documents are of the right types: what
// a wrong one gives is our own rule (doc/flags.md), and SDKs throw.
"use strict";

const [, , sdk, seedText, countText] = process.argv;
const { GrowthBookClient, evalCondition } = require(sdk);

console.error = () => {}; // of documents that are wrong, which some are meant to be

let state = Number(seedText) >>> 0;
const random = () => {
  state = (state + 0x6d2b79f5) >>> 0;
  let t = state;
  t = Math.imul(t ^ (t >>> 15), t | 1);
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
};
const below = (n) => Math.floor(random() * n);
const chance = (p) => random() < p;
const pick = (list) => list[below(list.length)];
const times = (n, make) => Array.from({ length: n }, make);
// keys in the order in which jsonb keeps them: the SDK compares serialised objects
const object = (entries) =>
  Object.fromEntries([...entries].sort(([a], [b]) => a.length - b.length || (a < b ? -1 : a > b ? 1 : 0)));
const maybe = (p, key, make) => (chance(p) ? [[key, make()]] : []);

// --- values -------------------------------------------------------------------------------

const words = ["", "toString", "length", "$eq", "$or", "0.0", "+5", "-0", "0b101", "0o17", ".5", "5.", "1e400", "-1e400", "1_000", "\t5\n", "[]", "{}", "[1]", "\\", "\"", "\u0001", "\u007f", "v", "v1", "vv1.2.3",
  "V1.2.3", "1.2.3-", "-1.2.3", "1.2.3+", "+1", "1.2.3.4", "100000.1.1", "99999.1.1", "1..2", "1-2-3", "01.02.03", "1.2.3-alpha.10", "1.2.3-alpha.9", " 1.2.3", "１", "٣", "ﬀ", "ŉ", "ΐ", "Ω", "😀x", "a", "A", "b", "id", "null", "true", "false", "0", "1", "5", "5.0", " 8 ", "0x1F", "1e3", "-1", "abc", "ABC", "Zoë", "zoë",
  "ZOË", "Straße", "STRASSE", "İstanbul", "ΟΔΟΣ", "οδος", "οδοσ", "Σ", "😀", "ﬁ", "\uE000", "ǅ", "ß", "a,b", "[object Object]", "2.10.0",
  "v2.9.0", "2.10.0-rc.1+b7", "1.2.3-beta", "1.2", "a.b", "\u00a0 7\u2003", "12345678901234567890", "Infinity", "NaN", "k", "K", "ſ", "S", "gold", "vip",
  "\n", "a\nb", "line\u2028end", "us", "US", "é", "É"];
const numbers = [1e308, -1e308, -5, -0.5, 1e-320, 9007199254740992, 1e22, 999999999999999900000, 1.0000000000000002, 65536, 2147483648, 4294967296, -1e-7, 1e15, 0, 1, -1, 5, 8, 2.5, 0.1, 1e21, 1e-7, 0.000001, 123456789012345680000, 1e23, 5e-324, 1.7976931348623157e308, 3, 100, 0.1 + 0.2, 4503599627370497.5];
const scalar = () => (chance(0.55) ? pick(words) : chance(0.6) ? pick(numbers) : pick([true, false, null]));
const value = (depth = 2) =>
  depth > 0 && chance(0.25) ? (chance(0.6) ? times(below(4), () => value(depth - 1)) : object(times(below(3), () => [pick(names), value(depth - 1)]))) : scalar();
const names = ["id", "a", "b", "tags", "nested", "version", "country", "x", "", "0", "length"];
const attributes = () =>
  object([...maybe(0.85, "id", () => pick(["user-1", "user-2", "u" + below(10000), "Zoë", "😀", 17, 2.5, 1e21, "", 0, null, true])),
    ...maybe(0.7, "a", value), ...maybe(0.7, "b", value), ...maybe(0.5, "tags", () => times(below(4), () => value(1))),
    ...maybe(0.5, "nested", () => object(times(below(3), () => [pick(names), value()]))), ...maybe(0.4, "version", () => pick(words.concat(numbers))),
    ...maybe(0.5, "country", () => pick(["us", "US", "de", null])), ...maybe(0.4, "other", () => pick(["o" + below(1000), 7, "", null]))]);

// --- conditions -------------------------------------------------------------------------

const patterns = ["^a", "b$", "^n", "\\d+", "\\D", "\\w+", "^\\W$", "\\s", "^\\S+$", "\\bb", "\\Ba", "[a-c]", "[^a-c]", "[]", "[^]", "^.$", "^..$", "a|b", "(a)(b)?", "(?:a|b)+",
  "(a)\\1", "(?<l>a).*\\k<l>", "(?=a)a", "(?!a)", "(?<=a)b", "(?<!a)b", "a{2}", "a{1,}", "a{,2}", "{", "a{1", "x*", "x+?", "^\\x41", "\\u00e9", "[é-ë]", "\\cJ", "\\/", "[\\b]",
  "[\\d-x]", "[[:alpha:]]", "***a", "(?i)a", "a**", "(", ")", "]", "}", "\\", "\\A", "\\Z", "\\m", "\\y", "\\q", "\\e", "^$", "$^", "a^", "(^a)", "ß", "ſ", "k", "[a-z]+$", "[^a-z]", "[à-ÿ]",
  "ΣΣ?", "i", "\\.", "\\-", "[.]", "[\\]]", "[a\\-z]", "a(?=b)*c?", "(?:)", "()", "(?:a{2}){2}", "\\0", "[\\0]", "^[^\\s]+$", "[\\w.]+", "😀", "[😀]", "^[\\s\\S]*$", "o+", "\\t|\\n|\\v|\\f|\\r", "(a|ab)(c|bcd)?$",
  "[z-a]", "a{2,1}", "(?<a>x)(?<a>y)", "(?<1a>x)", "\\k", "[a-\\d]", "^(?:a,b|1,2)$", "[\\cA]", "#", "a b", "x{0}", "[A-z]", "\\p{L}", "\\u{61}", ".", "^(?!.*a).*$", "^\\u0041|\\x4"];
// Made of pieces, most of them valid. No references: in ECMAScript one to a group that took no part matches the empty text.
const pieces = ["a", "b", "k", "é", "É", "ß", "ſ", "😀", "\u2028", "\n", ".", "\\d", "\\D", "\\w", "\\W", "\\s", "\\S", "\\b", "\\B", "^", "$", "[ab]", "[^ab]", "[é-ï]", "[A-k]", "[\\w-]", "[\\D]", "[^\\s]",
  "[\\]\\\\]", "[[:a:]]", "[]", "[^]", "[a-", "(", "(?:", "(?=", "(?!", "(?<=", "(?<!", "(?<n>", ")", ")", ")", ")", "|", "*", "+", "?", "*?", "{2}", "{0,1}", "{1,}", "{", "}", "]", "-", "/", "\\.", "\\x61", "\\u0062", "\\cJ",
  "\\c", "\\0", "\\-", "\\e", "\\A", "\\_", "#", " ", "1", ":", "σ", "ς", "Σ", "ǆ", "ǅ", "µ", "μ", "Ω", "ω", "ÿ", "Ÿ", "ı", "İ", "i"];
const pattern = () => (chance(0.3) ? pick(patterns) : times(1 + below(6), () => pick(pieces)).join(""));
const subject = () => times(below(6), () => pick(["a", "b", "k", "K", "A", "é", "É", "\u212a", "ß", "ẞ", "ſ", "s", "S", "😀", "\u2028", "\n", " ", "1", "_", "-", "{", "}", "]", "\\", "σ", "ς", "Σ", "ǆ", "Ǆ", "µ", "Μ", "Ω", "ÿ", "Ÿ", "ı", "İ", "i", "\u00a0", ":", "K"])).join("");
const search = (text, source, flags) => {
  try {
    return new RegExp(source, flags).test(text);
  } catch {
    return false;
  }
};
const path = () => (chance(0.75) ? pick(names) : pick(["nested.a", "nested.b", "tags.0", "tags.length", "a.b", "nested.nested.x", "tags.01", "a.length", ""]));
const operand = { $size: () => (chance(0.7) ? below(4) : operators(1)), $type: () => pick(["string", "number", "boolean", "array", "object", "null", "undefined"]),
  $exists: () => pick([true, false, 1, 0, "", "x", null]), $regex: () => pick(patterns), $regexi: () => pick(patterns), $inGroup: () => pick(["g", "h", "none"]), $notInGroup: () => pick(["g", "h", "none"]) };
for (const o of ["$in", "$nin", "$ini", "$nini"]) operand[o] = () => times(below(5), scalar);
for (const o of ["$all", "$alli"]) operand[o] = (d) => times(below(3), () => (chance(0.8) ? scalar() : operators(d)));
for (const o of ["$veq", "$vne", "$vgt", "$vgte", "$vlt", "$vlte"]) operand[o] = () => pick(words);
const operatorNames = ["$eq", "$ne", "$lt", "$lte", "$gt", "$gte", "$in", "$nin", "$ini", "$nini", "$inGroup", "$notInGroup", "$all", "$alli", "$elemMatch", "$size", "$exists", "$type", "$not",
  "$regex", "$regexi", "$veq", "$vne", "$vgt", "$vgte", "$vlt", "$vlte", "$unknown"];
const one = (depth) => {
  const o = pick(operatorNames);
  if (o === "$elemMatch") return [o, depth > 0 && chance(0.5) ? condition(depth - 1) : operators(depth - 1)];
  if (o === "$not") return [o, expected(depth - 1)];
  return [o, operand[o] ? operand[o](depth - 1) : scalar()];
};
const operators = (depth) => object(times(1 + below(2), () => one(depth)));
const expected = (depth) => (depth > 0 && chance(0.65) ? operators(depth) : value(1));
function condition(depth = 3) {
  const entries = times(chance(0.8) ? 1 : below(3), () => {
    if (depth > 0 && chance(0.25)) {
      const o = pick(["$or", "$nor", "$and", "$not"]);
      return [o, o === "$not" ? condition(depth - 1) : times(below(4), () => condition(depth - 1))];
    }
    return [path(), expected(depth)];
  });
  return object(entries);
}
const groups = () => object([...maybe(0.8, "g", () => times(below(4), () => pick(words.concat(numbers)))), ...maybe(0.5, "h", () => ["user-1", 17, 5, "gold"])]);

// --- experiments and features -----------------------------------------------------------------

const fraction = () => pick([0, 0.1, 0.2, 0.25, 0.5, 0.7, 1, 0.3333, random()]);
const ranges = (n) => times(n, (_, i) => [i / n, (i + fraction()) / n]);
const filters = () => times(below(3), () => object([["seed", pick(["s", "layer", "Größe"])], ["ranges", ranges(1 + below(3))], ...maybe(0.5, "attribute", () => pick(["id", "other", "a", ""])),
  ...maybe(0.5, "hashVersion", () => pick([0, 1, 2, 3]))]));
const space = () => [pick(["pricing-q3", "n"]), fraction(), fraction()];
const parents = () => times(below(3), () => object([["id", pick(keys)], ["condition", chance(0.6) ? object([["value", expected(1)]]) : {}], ...maybe(0.4, "gate", () => chance(0.7))]));
const keys = ["f", "g", "h", "i", "none"];
const common = (n) => [...maybe(0.3, "coverage", () => pick([fraction(), -1, 2])), ...maybe(0.4, "weights", () => (chance(0.6) ? pick([[0.5, 0.5], [0.1, 0.9], [0.1, 0.2, 0.7], [0.3333, 0.3333, 0.3334]]) : times(n, fraction))),
  ...maybe(0.2, "hashAttribute", () => pick(["id", "other", "a", ""])), ...maybe(0.2, "fallbackAttribute", () => pick(["id", "other", "country"])), ...maybe(0.15, "disableStickyBucketing", () => chance(0.7)),
  ...maybe(0.3, "hashVersion", () => pick([0, 1, 2, 3])), ...maybe(0.3, "seed", () => pick(["s", "", "Größe", "😀"])), ...maybe(0.2, "filters", filters), ...maybe(0.2, "namespace", space), ...maybe(0.15, "ranges", () => ranges(n)),
  ...maybe(0.4, "meta", () => times(below(n + 1), () => object([...maybe(0.8, "key", () => pick(["control", "v1", "v2", ""])), ...maybe(0.3, "name", () => pick(["Control", ""])), ...maybe(0.2, "passthrough", () => chance(0.7))]))),
  ...maybe(0.25, "bucketVersion", () => below(3)), ...maybe(0.2, "minBucketVersion", () => below(3)), ...maybe(0.3, "condition", () => condition(2))];
const rule = () => {
  const entries = [...maybe(0.6, "id", () => pick(["r1", "r2", ""])), ...maybe(0.25, "parentConditions", parents)];
  if (chance(0.55)) {
    return object([...entries, ["force", value(1)], ...maybe(0.4, "condition", () => condition(2)), ...maybe(0.35, "coverage", fraction), ...maybe(0.2, "range", () => [fraction(), fraction()]), ...maybe(0.3, "seed", () => pick(["s", ""])),
      ...maybe(0.3, "hashAttribute", () => pick(["id", "other", "a"])), ...maybe(0.2, "fallbackAttribute", () => pick(["id", "other"])), ...maybe(0.3, "hashVersion", () => pick([0, 1, 2, 3])), ...maybe(0.15, "filters", filters)]);
  }
  const n = 2 + below(2);
  return object([...entries, ...maybe(0.9, chance(0.1) ? "contextualVariations" : "variations", () => times(chance(0.9) ? n : below(2), () => value(1))), ...maybe(0.4, "key", () => pick(["e1", "e2", ""])), ...maybe(0.2, "name", () => pick(["n", ""])),
    ...maybe(0.1, "phase", () => pick(["0", "1", ""])), ...maybe(0.15, "contextualBanditRef", () => pick(["bandit", "absent"])), ...common(n)]);
};
const feature = () => object([...maybe(0.8, "defaultValue", () => value(1)), ...maybe(0.9, "rules", () => times(below(4), rule))]);
const features = () => object(keys.filter((k) => k !== "none" && chance(0.85)).map((k) => [k, feature()]));
const experiment = () => {
  const n = 2 + below(2);
  return object([["key", pick(["e1", "e2"])], ["variations", times(chance(0.95) ? n : below(2), () => value(1))], ...common(n), ...maybe(0.15, "force", () => pick([0, 1, 5])), ...maybe(0.15, "active", () => chance(0.6)),
    ...maybe(0.2, "status", () => pick(["draft", "running", "stopped"])), ...maybe(0.2, "parentConditions", parents), ...maybe(0.3, "urlPatterns", () => times(below(3), () => object([["type", pick(["simple", "regex"])],
      ["pattern", pick(["/shop/*", "shop/", "//example.com/shop", "http://EXAMPLE.com/*", "example.com/shop?e1=1&x=", "*shop*", "/shop#TOP", "/*/1", "example.com:443/shop/*", "localhost:3000/a", "?e1=1", "#top", "^https://example\\.com/\\?", "é", "example.com", "*.example.com/shop", "/", "https://example.com/shop/1", "/shop?e1=*", "*", "shop", "^/shop", "example\\.com", "/SHOP/", "/shop/1#top", "(", "^http://.+:p%20q@example", "[^@]example.com/shop"])], ["include", chance(0.7)]])))]);
};
const bandits = () => ({ bandit: object([...maybe(0.8, "banditVersion", () => below(9)), ["contexts", times(below(3), (_, i) => object([["leafId", i], ["weights", pick([[0.2, 0.8], [0.5, 0.5], [0.2, 0.3, 0.5]])], ["condition", condition(1)]]))]]) });
const assignments = () => object(times(below(4), () => [pick(["e1", "e2", "f", "g"]) + "__" + below(3), pick(["control", "v1", "v2", "0", "1"])]));
const stickyDocs = (attrs) => object(["id", "other"].filter((n) => chance(0.6) && attrs[n]).map((n) => {
  const text = typeof attrs[n] === "string" ? attrs[n] : JSON.stringify(attrs[n]);
  return [n + "||" + text, object([["attributeName", n], ["attributeValue", text], ["assignments", assignments()]])];
}));
const context = (forExperiment) => {
  const attrs = attributes();
  return object([["attributes", attrs], ...maybe(0.15, "attributeOverrides", attributes), ...maybe(0.5, "savedGroups", groups), ...maybe(0.15, "forcedVariations", () => object(times(1 + below(2), () => [pick(["e1", "e2", "f", "g"]), below(3)]))),
    ...maybe(0.15, "forcedFeatureValues", () => object(times(1 + below(2), () => [pick(keys), value(1)]))), ...maybe(0.1, "enabled", () => chance(0.5)), ...maybe(0.15, "qaMode", () => chance(0.5)),
    ...maybe(0.3, "url", () => pick(["https://example.com/shop/1?e1=1", "https://www.example.com/shop?e2=0&e1=2", "http://example.com/?f=1&f=0", "https://example.com/SHOP/?e1=9#top", "/shop?e1=abc", "http://localhost:3000/a/b", "https://example.com:443/shop/é?e1=%31", "HTTPS://Example.COM/shop/", "https://u:p@example.com/shop", "http://ü@b:p q@example.com:80/shop", "", "https://example.com/shop/1?e1=1.9#x", "https://example.com?e1= 1&x=y?e2=1", "https://example.com/shop/1?g=-1&e1=0x1"])),
    ...maybe(0.4, "stickyBucketAssignmentDocs", () => stickyDocs(attrs)), ...maybe(0.3, "contextualBandits", bandits), ...(forExperiment ? [["features", features()]] : [])]);
};

// --- the SDK ---------------------------------------------------------------------------------

const copy = (v) => (v === undefined ? undefined : JSON.parse(JSON.stringify(v)));
function run(feats, given, evaluate) {
  const c = copy(given);
  const client = new GrowthBookClient({});
  const user = { attributes: c.attributes, attributeOverrides: c.attributeOverrides, enabled: c.enabled, qaMode: c.qaMode, url: c.url, forcedVariations: c.forcedVariations,
    forcedFeatureValues: c.forcedFeatureValues && new Map(Object.entries(c.forcedFeatureValues)) };
  client.initSync({ payload: { features: copy(feats), savedGroups: c.savedGroups || {}, contextualBandits: c.contextualBandits } });
  if (c.stickyBucketAssignmentDocs) {
    user.stickyBucketAssignmentDocs = c.stickyBucketAssignmentDocs;
    user.saveStickyBucketAssignmentDoc = async () => {};
  }
  const result = copy(evaluate(client, user));
  if (c.stickyBucketAssignmentDocs) result.stickyBucketAssignmentDocs = user.stickyBucketAssignmentDocs;
  return result;
}

function draw() {
  const kind = pick(["condition", "feature", "feature", "experiment", "regex"]);
  const line = { kind };
  if (kind === "condition") {
    [line.a, line.b, line.c] = [condition(), attributes(), groups()];
    line.expected = evalCondition(copy(line.b), copy(line.a), copy(line.c));
  } else if (kind === "regex") {
    const [source, text, flags] = [pattern(), subject(), pick(["", "i"])];
    [line.kind, line.a, line.b] = ["condition", { a: { ["$regex" + flags]: source } }, { a: text }];
    line.expected = search(text, source, flags);
  } else if (kind === "feature") {
    [line.a, line.b, line.c] = [features(), pick(keys), context(false)];
    line.expected = run(line.a, line.c, (client, user) => client.evalFeature(line.b, user));
  } else {
    [line.a, line.c] = [experiment(), context(true)];
    line.expected = run(line.c.features, line.c, (client, user) => client.runInlineExperiment(copy(line.a), user));
  }
  return line;
}

const lines = [];
for (let i = 0; i < Number(countText); ) {
  try {
    lines.push(JSON.stringify(draw()));
    i++;
  } catch {
    continue; // the SDK throws, for example where meta is too short
  }
  if (lines.length === 1000) process.stdout.write(lines.splice(0).join("\n") + "\n");
}
process.stdout.write(lines.map((l) => l + "\n").join(""));
