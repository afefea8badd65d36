// stored_flags_sdk.js SDK DOCUMENT USERS: what GrowthBook's JavaScript SDK gives each user (a line {user_id, attributes}) for each flag of
// a document that get_flags_document() made, one JSON array a line.
"use strict";

const fs = require("fs");
const [, , sdk, documentFile, usersFile] = process.argv;
const { GrowthBookClient } = require(sdk);

const { features, savedGroups } = JSON.parse(fs.readFileSync(documentFile, "utf8"));
const client = new GrowthBookClient({});
client.initSync({ payload: { features, savedGroups } });
const keys = Object.keys(features);

for (const line of fs.readFileSync(usersFile, "utf8").split("\n").filter(Boolean)) {
  const { user_id, attributes } = JSON.parse(line);
  const given = keys.map((key) => {
    const { value, source, ruleId, experimentResult } = client.evalFeature(key, { attributes });
    const result = { user_id, key, value: value === undefined ? null : value, source, rule_id: ruleId || null };
    return source === "experiment" ? { ...result, variant: experimentResult.key, variation_id: experimentResult.variationId, bucket: experimentResult.bucket } : result;
  });
  process.stdout.write(JSON.stringify(given) + "\n");
}
