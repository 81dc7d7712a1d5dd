// SPDX-License-Identifier: Apache-2.0
// Qdrant's official JavaScript client, unmodified, against the node at the given address:
// `node client.cjs URL`. NODE_PATH says where the client is. Fails with a message, or prints "ok".
"use strict";
const assert = require("node:assert/strict");
const { QdrantClient } = require("@qdrant/js-client-rest");

const ids = (hits) => hits.map((hit) => hit.id);
const UUID = "5c56c793-69f3-4fbf-87e6-c4bf54c28c26";

async function main(url) {
  const client = new QdrantClient({ url });
  await client.createCollection("js", { vectors: { size: 4, distance: "Dot" } });
  assert.deepEqual((await client.getCollections()).collections, [{ name: "js" }]);
  assert.equal((await client.collectionExists("js")).exists, true);

  const written = await client.upsert("js", {
    wait: true,
    points: [
      { id: 1, vector: [0.05, 0.61, 0.76, 0.74], payload: { city: "Berlin", n: 1 } },
      { id: 2, vector: [0.19, 0.81, 0.75, 0.11], payload: { city: ["Berlin", "London"], n: 2 } },
      { id: UUID, vector: [0.36, 0.55, 0.47, 0.94], payload: { city: "Moscow", n: 3 } },
    ],
  });
  assert.equal(written.status, "completed");

  // Both forms of a nearest query, and the path of older clients.
  const vector = [0.2, 0.1, 0.9, 0.7];
  const { points } = await client.query("js", { query: vector, limit: 2, with_payload: true });
  assert.deepEqual(ids(points), [1, UUID]);
  assert.equal(points[0].payload.city, "Berlin");
  assert.deepEqual(ids(await client.search("js", { vector, limit: 2 })), [1, UUID]);
  const [first, second] = await client.queryBatch("js", {
    searches: [{ query: { nearest: vector }, limit: 1 }, { query: 1, limit: 1 }],
  });
  assert.deepEqual([ids(first.points), ids(second.points)], [[1], [UUID]]);
  const only = { must: [{ key: "city", match: { value: "London" } }] };
  assert.deepEqual(ids(await client.search("js", { vector, limit: 3, filter: only })), [2]);

  await client.createPayloadIndex("js", { field_name: "n", field_schema: "integer", wait: true });
  const page = await client.scroll("js", { limit: 2, order_by: { key: "n", direction: "desc" } });
  assert.deepEqual(ids(page.points), [UUID, 2]);
  assert.equal((await client.count("js", { filter: only, exact: true })).count, 1);
  await client.setPayload("js", { payload: { seen: true }, points: [UUID], wait: true });
  const [got] = await client.retrieve("js", { ids: [UUID], with_vector: true });
  assert.equal(got.payload.seen, true);
  assert.equal(got.vector.length, 4);
  await client.delete("js", { points: [1], wait: true });
  assert.equal((await client.getCollection("js")).points_count, 2);

  const snapshot = await client.createSnapshot("js");
  assert.deepEqual((await client.listSnapshots("js")).map((s) => s.name), [snapshot.name]);
  await assert.rejects(client.getCollection("none"), (error) => error.status === 404);
  assert.equal(await client.deleteCollection("js"), true);
  console.log("ok");
}

main(process.argv[2]).catch((error) => {
  console.error(error, error?.data);
  process.exit(1);
});
