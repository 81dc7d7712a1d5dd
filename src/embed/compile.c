/* SPDX-License-Identifier: Apache-2.0
 *
 * Shapes. Pictures come one at a time, 1 x 3 x H x W fixed: with the built-in picture tower that is
 * as fast a picture as batches of any number (10.0 ms against 10.9 to 11.9 on one core), the first
 * inference does not compile again (15 ms against 90), and memory is known. Parallelism comes from
 * as many streams as cores. Texts keep their shape open unless the model wants a fixed length.
 *
 * Precision. float32 all through, on any machine: OpenVINO's own choice on a machine that can is
 * bfloat16 and, for int8 weights, activations rounded to int8 as well. Those are faster (pictures
 * 5.7 against 10.0 ms, queries 2 against 4 ms), but vectors then differ between machines (built-in
 * model, cosine to float32: 100 photos in bfloat16 least 0.9936, mean 0.9992; 119 texts least
 * 0.9982 in bfloat16 and 0.9985 with int8 activations), and a text's vector changes with its
 * padding (by up to 0.006 a dimension), which is more than a collection that outlives its machine
 * should see. */
#include "compile.h"

#include <base/file.h>
#include <base/hash.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "onnxfile.h"
#include "ports.h"

static const char DEVICE[] = "CPU";

void lt_compiled_done(lt_compiled *c)
{
    if (c->model)
        ov_compiled_model_free(c->model);
    lt_blob_close(&c->blob);
    if (c->core)
        ov_core_free(c->core);
    *c = (lt_compiled){0};
}

/* Settings are the core's, not the compile call's: an imported graph can be given none. */
static lt_status configure(const lt_tower_spec *spec, ov_core_t *core, lt_error *err)
{
    char streams[16], threads[16];
    const ov_property_t properties[] = {
        {ov_property_key_num_streams, streams},
        {ov_property_key_inference_num_threads, threads},
        {ov_property_key_hint_inference_precision, "f32"},
        {"DYNAMIC_QUANTIZATION_GROUP_SIZE", "0"},
        /* Two programs that pin would both take the first cores. */
        {ov_property_key_hint_enable_cpu_pinning, "NO"},
    };

    (void)snprintf(streams, sizeof streams, "%u", spec->streams);
    (void)snprintf(threads, sizeof threads, "%u", spec->threads);
    return lt_ov_check(
        ov_core_set_properties(core, DEVICE, sizeof properties / sizeof *properties, properties),
        LT_EUNSUPPORTED, "OpenVINO's settings", err);
}

/* ---- from the ONNX file ---------------------------------------------------------------------- */

static lt_status check_pixels(const lt_tower_spec *spec, const lt_port *p, lt_error *err)
{
    const int64_t want[4] = {1, 3, spec->height, spec->width};

    if (p->rank != 4 || (p->dims[1] >= 0 && p->dims[1] != 3))
        return lt_fail(err, LT_EUNSUPPORTED,
                       "%s: its input '%s' is not pictures x 3 x height x width", spec->graph,
                       p->name);
    for (int i = 2; i < 4; i++) {
        if (p->dims[i] >= 0 && p->dims[i] != want[i])
            return lt_fail(err, LT_EINVAL,
                           "%s: takes pictures of %lld x %lld, preprocessor_config.json makes %u x "
                           "%u",
                           spec->graph, (long long)p->dims[3], (long long)p->dims[2], spec->width,
                           spec->height);
    }
    return LT_OK;
}

/* The shape to give to input `p`; *change is false where it may stay. */
static lt_status new_shape(const lt_tower_spec *spec, const lt_port *p, bool *change,
                           ov_partial_shape_t *out, lt_error *err)
{
    const int64_t pixels[4] = {1, 3, spec->height, spec->width};
    const int64_t tokens[2] = {1, (int64_t)spec->tokens};
    lt_input role = lt_port_role(p);

    *change = false;
    if (role == LT_INPUT_PIXELS && spec->width) {
        LT_TRY(check_pixels(spec, p, err));
        *change = true;
        return lt_ov_check(ov_partial_shape_create_static(4, pixels, out), LT_ENOMEM, spec->graph,
                           err);
    }
    if (role == LT_N_INPUTS || role == LT_INPUT_PIXELS || !spec->tokens || p->rank != 2)
        return LT_OK;
    if (p->dims[1] >= 0 && p->dims[1] != (int64_t)spec->tokens)
        return LT_OK; /* the graph's own length holds */
    *change = true;
    return lt_ov_check(ov_partial_shape_create_static(2, tokens, out), LT_ENOMEM, spec->graph, err);
}

static lt_status read_input(const lt_tower_spec *spec, const ov_model_t *model, size_t i,
                            lt_port *out, lt_error *err)
{
    LT_CLEANUP(lt_ov_port_done) ov_output_const_port_t *port = NULL;

    LT_TRY(
        lt_ov_check(ov_model_const_input_by_index(model, i, &port), LT_EINVAL, spec->graph, err));
    return lt_port_read(port, out, err);
}

static lt_status fix_shapes(const lt_tower_spec *spec, ov_model_t *model, size_t n_inputs,
                            lt_error *err)
{
    enum { INPUTS_MAX = 16 };
    ov_partial_shape_t shapes[INPUTS_MAX] = {0};
    size_t indexes[INPUTS_MAX], n = 0;
    lt_status st = LT_OK;

    if (n_inputs > INPUTS_MAX)
        return lt_fail(err, LT_EUNSUPPORTED, "%s: has %zu inputs", spec->graph, n_inputs);
    for (size_t i = 0; i < n_inputs && st == LT_OK; i++) {
        lt_port p;
        bool change = false;

        st = read_input(spec, model, i, &p, err);
        if (st == LT_OK)
            st = new_shape(spec, &p, &change, &shapes[n], err);
        if (st == LT_OK && change)
            indexes[n++] = i;
    }
    if (st == LT_OK && n)
        st = lt_ov_check(ov_model_reshape_by_port_indexes(model, indexes, shapes, n), LT_EINVAL,
                         spec->graph, err);
    for (size_t i = 0; i < n; i++)
        lt_ov_shape_done(&shapes[i]);
    return st;
}

static ov_status_e set_input_type(ov_preprocess_prepostprocessor_t *steps, size_t i,
                                  ov_element_type_e type)
{
    ov_preprocess_input_info_t *info = NULL;
    ov_preprocess_input_tensor_info_t *tensor = NULL;
    ov_status_e st = ov_preprocess_prepostprocessor_get_input_info_by_index(steps, i, &info);

    if (st == OK)
        st = ov_preprocess_input_info_get_tensor_info(info, &tensor);
    if (st == OK)
        st = ov_preprocess_input_tensor_info_set_element_type(tensor, type);
    if (tensor)
        ov_preprocess_input_tensor_info_free(tensor);
    if (info)
        ov_preprocess_input_info_free(info);
    return st;
}

static ov_status_e set_output_type(ov_preprocess_prepostprocessor_t *steps, size_t i)
{
    ov_preprocess_output_info_t *info = NULL;
    ov_preprocess_output_tensor_info_t *tensor = NULL;
    ov_status_e st = ov_preprocess_prepostprocessor_get_output_info_by_index(steps, i, &info);

    if (st == OK)
        st = ov_preprocess_output_info_get_tensor_info(info, &tensor);
    if (st == OK)
        st = ov_preprocess_output_set_element_type(tensor, F32);
    if (tensor)
        ov_preprocess_output_tensor_info_free(tensor);
    if (info)
        ov_preprocess_output_info_free(info);
    return st;
}

/* Inputs as int64 and float32, outputs as float32, whatever the exporter chose. */
static lt_status fix_types(const lt_tower_spec *spec, ov_model_t **model, size_t n_inputs,
                           lt_error *err)
{
    ov_preprocess_prepostprocessor_t *steps = NULL;
    ov_model_t *typed = NULL;
    size_t n_outputs = 0;
    ov_status_e st = ov_preprocess_prepostprocessor_create(*model, &steps);

    for (size_t i = 0; i < n_inputs && st == OK; i++) {
        lt_port p;

        if (read_input(spec, *model, i, &p, NULL) == LT_OK && lt_port_role(&p) != LT_N_INPUTS)
            st = set_input_type(steps, i, lt_port_type(lt_port_role(&p)));
    }
    if (st == OK)
        st = ov_model_outputs_size(*model, &n_outputs);
    for (size_t i = 0; i < n_outputs && st == OK; i++)
        st = set_output_type(steps, i);
    if (st == OK)
        st = ov_preprocess_prepostprocessor_build(steps, &typed);
    lt_status checked = lt_ov_check(st, LT_EUNSUPPORTED, spec->graph, err);

    if (steps)
        ov_preprocess_prepostprocessor_free(steps);
    if (checked != LT_OK)
        return checked;
    ov_model_free(*model);
    *model = typed;
    return LT_OK;
}

static lt_status from_file(const lt_tower_spec *spec, lt_compiled *c, lt_error *err)
{
    LT_CLEANUP(lt_ov_model_done) ov_model_t *model = NULL;
    size_t n_inputs = 0;

    LT_TRY(lt_onnx_check(spec->graph, err));
    LT_TRY(lt_ov_check(ov_core_read_model(c->core, spec->graph, NULL, &model), LT_EINVAL,
                       spec->graph, err));
    LT_TRY(lt_ov_check(ov_model_inputs_size(model, &n_inputs), LT_EINVAL, spec->graph, err));
    LT_TRY(fix_shapes(spec, model, n_inputs, err));
    LT_TRY(fix_types(spec, &model, n_inputs, err));
    return lt_ov_check(ov_core_compile_model_props(c->core, model, DEVICE, 0, NULL, &c->model),
                       LT_EUNSUPPORTED, spec->graph, err);
}

/* ---- from the cache -------------------------------------------------------------------------- */

static void add_text(lt_hasher *h, const char *text)
{
    lt_hasher_add(h, text, strlen(text) + 1);
}

static bool add_property(lt_hasher *h, const ov_core_t *core, const char *key)
{
    LT_CLEANUP(lt_ov_string_done) char *value = NULL;

    if (ov_core_get_property(core, DEVICE, key, &value) != OK)
        return false;
    add_text(h, value);
    return true;
}

/* The processor's features as Linux lists them for the first core. The name that OpenVINO tells may
 * be as vague as "AMD EPYC" in a virtual machine that is moved about. */
static void add_features(lt_hasher *h)
{
    LT_CLEANUP(lt_fd_close) int fd = open("/proc/cpuinfo", O_RDONLY | O_CLOEXEC);
    char text[4097];
    ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);

    text[n > 0 ? n : 0] = '\0';
    char *line = strstr(text, "\nflags");

    if (!line)
        line = strstr(text, "\nFeatures");
    if (line)
        lt_hasher_add(h, line + 1, strcspn(line + 1, "\n"));
}

/* What a compiled graph depends on: the file, its shapes, OpenVINO, and what the processor can do.
 */
static bool key_of(const lt_tower_spec *spec, const ov_core_t *core, uint8_t key[LT_BLOB_KEY])
{
    lt_hasher *h = lt_hasher_new();
    ov_version_t version = {0};
    char shapes[64];

    if (!h)
        return false;
    bool known = ov_get_openvino_version(&version) == OK;

    if (known) {
        add_text(h, version.buildNumber);
        ov_version_free(&version);
    }
    known = known && add_property(h, core, ov_property_key_device_full_name) &&
            add_property(h, core, ov_property_key_device_capabilities);
    add_features(h);
    (void)snprintf(shapes, sizeof shapes, "1 %u %u %zu", spec->width, spec->height, spec->tokens);
    add_text(h, shapes);
    add_text(h, spec->digest);
    lt_hasher_get(h, key);
    lt_hasher_free(h);
    return known;
}

static bool from_cache(const lt_tower_spec *spec, const uint8_t key[LT_BLOB_KEY], lt_compiled *c)
{
    if (!lt_blob_open(spec->cache_dir, key, &c->blob))
        return false;
    if (ov_core_import_model(c->core, c->blob.map, c->blob.len, DEVICE, &c->model) == OK)
        return true;
    lt_blob_close(&c->blob);
    c->model = NULL;
    return false;
}

static void to_cache(const lt_tower_spec *spec, const uint8_t key[LT_BLOB_KEY],
                     const lt_compiled *c)
{
    LT_AUTOFREE char *temporary = lt_blob_begin(spec->cache_dir);

    if (!temporary)
        return;
    /* A failure (a full disk) leaves what cannot be sealed or a short file that OpenVINO refuses.
     */
    if (ov_compiled_model_export_model(c->model, temporary) == OK)
        lt_blob_commit(spec->cache_dir, key, temporary);
    else
        (void)remove(temporary);
}

static lt_status compile(const lt_tower_spec *spec, lt_compiled *c, lt_error *err)
{
    uint8_t key[LT_BLOB_KEY];

    LT_TRY(lt_ov_check(ov_core_create(&c->core), LT_EUNSUPPORTED, "OpenVINO cannot start", err));
    LT_TRY(configure(spec, c->core, err));
    bool cached = spec->cache_dir && key_of(spec, c->core, key);

    if (cached && from_cache(spec, key, c))
        return LT_OK;
    LT_TRY(from_file(spec, c, err));
    if (cached)
        to_cache(spec, key, c);
    return LT_OK;
}

lt_status lt_compile(const lt_tower_spec *spec, lt_compiled *out, lt_error *err)
{
    lt_compiled c = {0};
    lt_status st = compile(spec, &c, err);

    if (st != LT_OK) {
        lt_compiled_done(&c);
        return st;
    }
    *out = c;
    return LT_OK;
}
