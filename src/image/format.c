/* SPDX-License-Identifier: Apache-2.0
 *
 * Loaders are chosen here and not by libvips: whatever else the system's libvips can open (PDF,
 * SVG, ImageMagick's hundred formats) is never tried on a stranger's bytes. */
#include "format.h"

#include <string.h>
#include <strings.h>

/* ---- names ------------------------------------------------------------------------------- */

static const struct {
    const char *id, *title;
} names[LT_N_FORMATS] = {
    [LT_FORMAT_NONE] = {"", ""},
    [LT_FORMAT_JPEG] = {"jpeg", "JPEG"},
    [LT_FORMAT_PNG] = {"png", "PNG"},
    [LT_FORMAT_WEBP] = {"webp", "WebP"},
    [LT_FORMAT_GIF] = {"gif", "GIF"},
    [LT_FORMAT_TIFF] = {"tiff", "TIFF"},
    [LT_FORMAT_HEIF] = {"heif", "HEIF or AVIF"},
};

static const struct {
    const char *ending;
    lt_format format;
} endings[] = {
    {"jpg", LT_FORMAT_JPEG},  {"jpeg", LT_FORMAT_JPEG}, {"jpe", LT_FORMAT_JPEG},
    {"jfif", LT_FORMAT_JPEG}, {"png", LT_FORMAT_PNG},   {"webp", LT_FORMAT_WEBP},
    {"gif", LT_FORMAT_GIF},   {"tif", LT_FORMAT_TIFF},  {"tiff", LT_FORMAT_TIFF},
    {"heic", LT_FORMAT_HEIF}, {"heif", LT_FORMAT_HEIF}, {"hif", LT_FORMAT_HEIF},
    {"avif", LT_FORMAT_HEIF},
};

const char *lt_format_id(lt_format format)
{
    return names[format].id;
}

const char *lt_format_title(lt_format format)
{
    return names[format].title;
}

lt_format lt_format_of_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    const char *dot = strrchr(name, '.');

    if (!dot || dot == name)
        return LT_FORMAT_NONE;
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (strcasecmp(dot + 1, endings[i].ending) == 0)
            return endings[i].format;
    return LT_FORMAT_NONE;
}

/* ---- first bytes ------------------------------------------------------------------------- */

static bool at(const uint8_t *bytes, size_t n, size_t offset, const char *magic, size_t len)
{
    return offset + len <= n && memcmp(bytes + offset, magic, len) == 0;
}

static uint32_t be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint32_t le32(const uint8_t *p)
{
    return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

/* ISO 14496-12 files say what they are in an 'ftyp' box; videos have other brands. */
static bool is_heif(const uint8_t *bytes, size_t n)
{
    static const char brands[][5] = {"heic", "heix", "heim", "heis", "hevc", "hevx", "hevm",
                                     "hevs", "mif1", "mif2", "msf1", "avif", "avis"};

    if (!at(bytes, n, 4, "ftyp", 4))
        return false;
    for (size_t i = 0; i < sizeof brands / sizeof *brands; i++)
        if (at(bytes, n, 8, brands[i], 4))
            return true;
    return false;
}

lt_format lt_format_sniff(const uint8_t *bytes, size_t n)
{
    if (at(bytes, n, 0, "\xff\xd8\xff", 3))
        return LT_FORMAT_JPEG;
    if (at(bytes, n, 0, "\x89PNG\r\n\x1a\n", 8))
        return LT_FORMAT_PNG;
    if (at(bytes, n, 0, "RIFF", 4) && at(bytes, n, 8, "WEBP", 4))
        return LT_FORMAT_WEBP;
    if (at(bytes, n, 0, "GIF87a", 6) || at(bytes, n, 0, "GIF89a", 6))
        return LT_FORMAT_GIF;
    if (at(bytes, n, 0, "II*\0", 4) || at(bytes, n, 0, "MM\0*", 4) || at(bytes, n, 0, "II+\0", 4) ||
        at(bytes, n, 0, "MM\0+", 4))
        return LT_FORMAT_TIFF;
    return is_heif(bytes, n) ? LT_FORMAT_HEIF : LT_FORMAT_NONE;
}

static const struct {
    const char *magic;
    uint8_t len, offset;
    lt_other_kind kind;
} others[] = {
    {"%PDF", 4, 0, {"a PDF document", false}},
    {"BM", 2, 0, {"BMP", true}},
    {"\xff\x0a", 2, 0, {"JPEG XL", true}},
    {"\0\0\0\x0cJXL ", 8, 0, {"JPEG XL", true}},
    {"\0\0\0\x0cjP  ", 8, 0, {"JPEG 2000", true}},
    {"\xff\x4f\xff\x51", 4, 0, {"JPEG 2000", true}},
    {"8BPS", 4, 0, {"Photoshop", true}},
    {"\0\0\1\0", 4, 0, {"Windows icon", true}},
    {"v/1\1", 4, 0, {"OpenEXR", true}},
    {"<svg", 4, 0, {"SVG", true}},
    {"FUJIFILMCCD-RAW", 15, 0, {"camera raw", true}},
    {"ftyp", 4, 4, {"a video", false}},
    {"\x1a\x45\xdf\xa3", 4, 0, {"a video", false}},
    {"RIFF", 4, 0, {"a sound or video file", false}},
    {"PK\3\4", 4, 0, {"a ZIP archive", false}},
    {"\x1f\x8b", 2, 0, {"a gzip archive", false}},
    {"\x7f"
     "ELF",
     4,
     0,
     {"a program", false}},
};

/* No control bytes but white space, among the first ones. */
static bool is_text(const uint8_t *bytes, size_t n)
{
    n = n < 512 ? n : 512;
    for (size_t i = 0; i < n; i++)
        if (bytes[i] == 0x7f || (bytes[i] < 0x20 && !memchr("\t\n\f\r", bytes[i], 4)))
            return false;
    return n > 0;
}

lt_other_kind lt_format_other(const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (at(bytes, n, others[i].offset, others[i].magic, others[i].len))
            return others[i].kind;
    return (lt_other_kind){is_text(bytes, n) ? "a text" : NULL, false};
}

/* ---- missing ends ------------------------------------------------------------------------ */

/* Segments from marker to marker; behind a start of scan, coded bytes up to the next marker that is
 * neither a stuffed zero nor a restart. */
static bool jpeg_cut(const uint8_t *b, size_t n)
{
    size_t i = 2;

    while (i + 1 < n) {
        uint8_t marker = b[i + 1];

        if (b[i] != 0xff || marker == 0x00 || (marker >= 0xd0 && marker <= 0xd7)) {
            const uint8_t *next = memchr(b + i + 1, 0xff, n - i - 1);

            if (!next)
                return true;
            i = (size_t)(next - b);
        } else if (marker == 0xd9) {
            return false;
        } else if (marker == 0xff || marker == 0x01) {
            i++;
        } else {
            if (i + 3 >= n)
                return true;
            i += 2 + ((size_t)b[i + 2] << 8 | b[i + 3]);
        }
    }
    return true;
}

static bool png_cut(const uint8_t *b, size_t n)
{
    for (size_t i = 8; i + 12 <= n; i += 12 + (size_t)be32(b + i))
        if (memcmp(b + i + 4, "IEND", 4) == 0)
            return false;
    return true;
}

/* Boxes of the outermost level: a size of 0 reaches to the end, of 1 has 64 bits behind the type.
 */
static bool heif_cut(const uint8_t *b, size_t n)
{
    size_t i = 0;

    while (i + 8 <= n) {
        uint64_t size = be32(b + i);

        if (size == 0)
            return false;
        if (size == 1) {
            if (n - i < 16)
                return true;
            size = (uint64_t)be32(b + i + 8) << 32 | be32(b + i + 12);
        }
        if (size < 8)
            return false;
        if (size > n - i)
            return true;
        i += (size_t)size;
    }
    return i < n;
}

static bool tiff_cut(const uint8_t *b, size_t n)
{
    if (n < 16)
        return true;
    bool little = b[0] == 'I', big = b[2] == '+' || b[3] == '+';
    const uint8_t *p = b + (big ? 8 : 4);
    uint64_t first = little ? le32(p) : be32(p);

    if (big)
        first = little ? (uint64_t)le32(p + 4) << 32 | first : first << 32 | be32(p + 4);
    return first >= n - 2;
}

bool lt_format_cut_short(lt_format format, const uint8_t *bytes, size_t n)
{
    switch (format) {
    case LT_FORMAT_JPEG:
        return jpeg_cut(bytes, n);
    case LT_FORMAT_PNG:
        return png_cut(bytes, n);
    case LT_FORMAT_WEBP:
        return (uint64_t)le32(bytes + 4) + 8 > n;
    case LT_FORMAT_GIF:
        return bytes[n - 1] != 0x3b;
    case LT_FORMAT_TIFF:
        return tiff_cut(bytes, n);
    case LT_FORMAT_HEIF:
        return heif_cut(bytes, n);
    default:
        return false;
    }
}
