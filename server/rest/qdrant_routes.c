/* SPDX-License-Identifier: Apache-2.0
 * Qdrant's REST interface: the paths. Those of collections come first, as most requests are theirs;
 * docs/COMPATIBILITY.md says what each does. */
#include "qdrant.h"

#define READ(method, path, name) \
    {method, path, LT_ACCESS_READ, LT_ERRORS_QDRANT, lt_qdrant_##name, NULL, false}
#define WRITE(method, path, name) \
    {method, path, LT_ACCESS_WRITE, LT_ERRORS_QDRANT, lt_qdrant_##name, NULL, false}
#define UPLOAD(method, path, name, field) \
    {method, path, LT_ACCESS_MANAGE, LT_ERRORS_QDRANT, lt_qdrant_##name, field, false}
#define MANAGE(method, path, name) \
    {method, path, LT_ACCESS_MANAGE, LT_ERRORS_QDRANT, lt_qdrant_##name, NULL, false}
#define LIST(method, path, name) \
    {method, path, LT_ACCESS_READ, LT_ERRORS_QDRANT, lt_qdrant_##name, NULL, true}

const lt_route lt_qdrant_routes[] = {
    READ("POST", "/collections/*/points/query", query),
    READ("POST", "/collections/*/points/search", search),
    WRITE("PUT", "/collections/*/points", upsert),
    READ("POST", "/collections/*/points", get_points),
    READ("POST", "/collections/*/points/query/batch", query_batch),
    READ("POST", "/collections/*/points/query/groups", query_groups),
    READ("POST", "/collections/*/points/scroll", scroll),
    READ("POST", "/collections/*/points/count", count),
    READ("POST", "/collections/*/facet", facet),
    READ("GET", "/collections/*/points/*", get_point),
    WRITE("POST", "/collections/*/points/delete", delete_points),
    WRITE("PUT", "/collections/*/points/vectors", set_vectors),
    WRITE("POST", "/collections/*/points/vectors/delete", delete_vectors),
    WRITE("POST", "/collections/*/points/payload", set_payload),
    WRITE("PUT", "/collections/*/points/payload", overwrite_payload),
    WRITE("POST", "/collections/*/points/payload/delete", delete_payload),
    WRITE("POST", "/collections/*/points/payload/clear", clear_payload),
    WRITE("POST", "/collections/*/points/batch", batch),
    READ("POST", "/collections/*/points/search/batch", search_batch),
    READ("POST", "/collections/*/points/search/groups", search_groups),
    READ("POST", "/collections/*/points/search/matrix/pairs", matrix_pairs),
    READ("POST", "/collections/*/points/search/matrix/offsets", matrix_offsets),
    READ("POST", "/collections/*/points/recommend", recommend),
    READ("POST", "/collections/*/points/recommend/batch", recommend_batch),
    READ("POST", "/collections/*/points/recommend/groups", recommend_groups),
    READ("POST", "/collections/*/points/discover", discover),
    READ("POST", "/collections/*/points/discover/batch", discover_batch),

    /* Before "create collection", whose pattern it fits as well. */
    MANAGE("POST", "/collections/aliases", change_aliases),
    LIST("GET", "/collections", list_collections),
    READ("GET", "/collections/*", get_collection),
    MANAGE("PUT", "/collections/*", create_collection),
    MANAGE("PATCH", "/collections/*", update_collection),
    MANAGE("DELETE", "/collections/*", delete_collection),
    READ("GET", "/collections/*/exists", collection_exists),
    MANAGE("PUT", "/collections/*/vectors/*", create_vector),
    MANAGE("DELETE", "/collections/*/vectors/*", delete_vector),
    READ("GET", "/collections/*/optimizations", optimizations),
    WRITE("PUT", "/collections/*/index", create_index),
    WRITE("DELETE", "/collections/*/index/*", delete_index),
    READ("GET", "/collections/*/aliases", collection_aliases),
    READ("GET", "/collections/*/snapshots", list_snapshots),
    MANAGE("POST", "/collections/*/snapshots", create_snapshot),
    READ("GET", "/collections/*/snapshots/*", get_snapshot),
    MANAGE("DELETE", "/collections/*/snapshots/*", delete_snapshot),
    MANAGE("PUT", "/collections/*/snapshots/recover", recover_snapshot),
    UPLOAD("POST", "/collections/*/snapshots/upload", upload_snapshot, "snapshot"),
    READ("GET", "/collections/*/cluster", collection_cluster),
    MANAGE("POST", "/collections/*/cluster", standalone),
    READ("GET", "/collections/*/shards", shard_keys),
    MANAGE("PUT", "/collections/*/shards", standalone),
    MANAGE("POST", "/collections/*/shards/delete", standalone),

    READ("GET", "/aliases", all_aliases),
    READ("GET", "/telemetry", telemetry),
    READ("GET", "/issues", get_issues),
    MANAGE("DELETE", "/issues", clear_issues),
    READ("GET", "/quotas", get_quotas),
    MANAGE("PUT", "/quotas", set_quotas),
    READ("GET", "/cluster", cluster),
    READ("GET", "/cluster/telemetry", cluster_telemetry),
    MANAGE("POST", "/cluster/recover", standalone),
    MANAGE("DELETE", "/cluster/peer/*", standalone),
};
const size_t lt_n_qdrant_routes = sizeof lt_qdrant_routes / sizeof *lt_qdrant_routes;
