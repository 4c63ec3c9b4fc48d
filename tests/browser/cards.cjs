// Puts the cards of tests/goldens/cards through the parser of Adaptive Cards, at version 1.4: it names whatever that version does not have.
const fs = require("node:fs");
const path = require("node:path");

const [modules] = process.argv.slice(2);
const { AdaptiveCard, SerializationContext, Versions } = require(path.join(modules, "node_modules/adaptivecards"));
const BYTES_MAX = 28 * 1024;

function wrong(text) {
  if (Buffer.byteLength(text.trim()) > BYTES_MAX) return ["is larger than 28 KB"];
  const message = JSON.parse(text);
  const [attachment, ...others] = message.attachments;
  const envelope = { ...attachment, content: undefined };
  const expected = { contentType: "application/vnd.microsoft.card.adaptive", contentUrl: null, content: undefined };
  if (message.type !== "message" || others.length > 0 || JSON.stringify(envelope) !== JSON.stringify(expected)) {
    return ["has another envelope than that of Workflows"];
  }
  const context = new SerializationContext(Versions.v1_4);
  const card = new AdaptiveCard();
  card.parse(attachment.content, context);
  const parsed = Array.from({ length: context.eventCount }, (_, index) => context.getEventAt(index).message);
  const checked = card.validateProperties().validationEvents.map((event) => event.message);
  const told = [...parsed, ...checked];
  // What the parser does not know it leaves out without a word.
  const kept = JSON.stringify(card.toJSON());
  const lost = [...text.matchAll(/"text":("(?:[^"\\]|\\.)*")/g)].filter(([, said]) => !kept.includes(said));
  return lost.length > 0 ? [...told, `loses ${lost.length} texts`] : told;
}

const folder = path.join(__dirname, "../goldens/cards");
const cards = fs.readdirSync(folder);
if (cards.length === 0) throw new Error(`${folder} has no cards`);
for (const name of cards) {
  const told = wrong(fs.readFileSync(path.join(folder, name), "utf8"));
  for (const why of told) console.error(`${name}: ${why}`);
  if (told.length > 0) process.exitCode = 1;
}
