// Makes a service account that opens the GCS server of one test run and nothing else.
// node gcs_account.mjs FOLDER: writes account.json, as Google's console hands it out, and key.json, its public key.
import { generateKeyPairSync } from "node:crypto";
import { writeFileSync } from "node:fs";

const folder = process.argv[2];
const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const account = {
  type: "service_account",
  client_email: "longshore@tests.example",
  private_key_id: "tests",
  private_key: privateKey.export({ type: "pkcs8", format: "pem" }),
};
const { n, e } = publicKey.export({ format: "jwk" });
writeFileSync(`${folder}/account.json`, JSON.stringify(account), { mode: 0o600 });
writeFileSync(`${folder}/key.json`, JSON.stringify({ client_email: account.client_email, n, e }));
