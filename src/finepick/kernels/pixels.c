/* Passes over the pixels of a whole frame. */

#include "kernels.h"

/* ---- a picture's pixels, where Pillow has them */

/* The Arrow C data interface, as its specification lays it out. */
struct ArrowArray {
    int64_t length, null_count, offset, n_buffers, n_children;
    const void **buffers;
    struct ArrowArray **children;
    struct ArrowArray *dictionary;
    void (*release)(struct ArrowArray *);
    void *private_data;
};

struct ArrowSchema {
    const char *format, *name, *metadata;
    int64_t flags, n_children;
    struct ArrowSchema **children;
    struct ArrowSchema *dictionary;
    void (*release)(struct ArrowSchema *);
    void *private_data;
};

/* address_of_pixels(schema, array, count): where *count* pixels of four bytes lie that Pillow has exported.
 *
 * Raises ValueError where the capsules hold anything else.
 */
static PyObject *address_of_pixels(PyObject *self, PyObject *arguments)
{
    PyObject *schema_capsule, *array_capsule;
    Py_ssize_t count;
    if (!PyArg_ParseTuple(arguments, "OOn", &schema_capsule, &array_capsule, &count))
        return NULL;
    const struct ArrowSchema *schema = PyCapsule_GetPointer(schema_capsule, "arrow_schema");
    if (schema == NULL)
        return NULL;
    const struct ArrowArray *array = PyCapsule_GetPointer(array_capsule, "arrow_array");
    if (array == NULL)
        return NULL;
    if (schema->release && array->release && schema->format && strcmp(schema->format, "+w:4") == 0 &&
        schema->n_children == 1 && schema->children && schema->children[0] && schema->children[0]->format &&
        strcmp(schema->children[0]->format, "C") == 0 && array->length == count && array->offset == 0 &&
        array->null_count == 0 && array->n_children == 1 && array->children && array->children[0]) {
        const struct ArrowArray *bytes = array->children[0];
        if (bytes->length == 4 * (int64_t)count && bytes->offset == 0 && bytes->null_count == 0 &&
            bytes->n_buffers == 2 && bytes->buffers && bytes->buffers[1])
            return PyLong_FromVoidPtr((void *)bytes->buffers[1]);
    }
    PyErr_SetString(PyExc_ValueError, "not pixels of four bytes");
    return NULL;
}

/* A schema of pixels of four bytes, and such an array, each with all that belongs to it in one block. */
struct PixelSchema {
    struct ArrowSchema whole, byte;
    struct ArrowSchema *children[1];
};

struct PixelArray {
    struct ArrowArray whole, bytes;
    struct ArrowArray *children[1];
    const void *no_buffers[1], *buffers[2];
};

static void release_schema(struct ArrowSchema *schema)
{
    schema->release = NULL;
}

static void release_array(struct ArrowArray *array)
{
    free(array->private_data);
    array->release = NULL;
}

static void forget_schema(PyObject *capsule)
{
    free(PyCapsule_GetPointer(capsule, "arrow_schema"));
}

/* Where a consumer has moved the array elsewhere, it has set `release` to NULL and frees the memory itself. */
static void forget_array(PyObject *capsule)
{
    struct PixelArray *array = PyCapsule_GetPointer(capsule, "arrow_array");
    if (array->whole.release)
        array->whole.release(&array->whole);
    free(array);
}

/* new_pixels(count) -> (schema, array): memory for *count* pixels of four bytes, which hold anything.
 *
 * For a picture that is written in full: Pillow's own memory is set to zero first.
 */
static PyObject *new_pixels(PyObject *self, PyObject *arguments)
{
    Py_ssize_t count;
    if (!PyArg_ParseTuple(arguments, "n", &count))
        return NULL;
    if (count < 1 || count > (Py_ssize_t)LONGEST_SIDE * LONGEST_SIDE) {
        set_wrong_size();
        return NULL;
    }
    struct PixelSchema *schema = calloc(1, sizeof *schema);
    struct PixelArray *array = calloc(1, sizeof *array);
    void *memory = malloc(4 * (size_t)count);
    if (schema == NULL || array == NULL || memory == NULL) {
        free(schema);
        free(array);
        free(memory);
        return PyErr_NoMemory();
    }
    schema->whole = (struct ArrowSchema){
        .format = "+w:4", .name = "", .n_children = 1, .children = schema->children, .release = release_schema};
    schema->byte = (struct ArrowSchema){.format = "C", .name = "pixel", .release = release_schema};
    schema->children[0] = &schema->byte;
    array->whole = (struct ArrowArray){.length = count, .n_buffers = 1, .buffers = array->no_buffers,
        .n_children = 1, .children = array->children, .release = release_array, .private_data = memory};
    array->bytes = (struct ArrowArray){
        .length = 4 * (int64_t)count, .n_buffers = 2, .buffers = array->buffers, .release = release_array};
    array->children[0] = &array->bytes;
    array->buffers[1] = memory;
    PyObject *schema_capsule = PyCapsule_New(schema, "arrow_schema", forget_schema);
    PyObject *array_capsule = PyCapsule_New(array, "arrow_array", forget_array);
    if (schema_capsule == NULL || array_capsule == NULL) {
        Py_XDECREF(schema_capsule); /* what never got a capsule is lost: so is the process, without memory */
        Py_XDECREF(array_capsule);
        return NULL;
    }
    PyObject *answer = PyTuple_Pack(2, schema_capsule, array_capsule);
    Py_DECREF(schema_capsule);
    Py_DECREF(array_capsule);
    return answer;
}

/* ---- features/measurements.py: _strips */

/* One byte of a pixel that was loaded as a whole. */
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define BAND(pixel, band) ((pixel) >> (24 - 8 * (band)) & 0xFF)
#else
#define BAND(pixel, band) ((pixel) >> (8 * (band)) & 0xFF)
#endif

/* Luma of *count* pixels of four bytes, ITU-R 601 in 16 bits, as Pillow's `convert("L")`. */
FOR_SEVERAL_PROCESSORS
static void luma_of(const uint8_t *restrict pixels, Py_ssize_t count, uint8_t *restrict out)
{
    for (Py_ssize_t i = 0; i < count; i++) {
        uint32_t pixel;
        memcpy(&pixel, pixels + 4 * i, sizeof pixel);
        const uint32_t sum = BAND(pixel, 0) * 19595 + BAND(pixel, 1) * 38470 + BAND(pixel, 2) * 7471;
        out[i] = (uint8_t)((sum + 0x8000) >> 16);
    }
}

/* ---- features/extraction.py: _Sizes */

/* One row of the small picture: *rows* rows of *width* pixels from *pixels* on, averaged four by four.
 *
 * Rounded as Pillow's `reduce` does: sums of sixteen to the nearest, the smaller ones at the far edges with a
 * reciprocal of 24 bits.
 */
FOR_SEVERAL_PROCESSORS
static void shrink_rows(const uint8_t *pixels, Py_ssize_t width, Py_ssize_t rows, uint16_t *sums, uint8_t *out)
{
    const Py_ssize_t bytes = 4 * width, whole = width / 4;
    const uint8_t *first = pixels, *second = pixels + bytes, *third = second + bytes, *fourth = third + bytes;
    if (rows == 4) {
        for (Py_ssize_t i = 0; i < bytes; i++)
            sums[i] = (uint16_t)(first[i] + second[i] + third[i] + fourth[i]);
        for (Py_ssize_t x = 0; x < whole; x++) { /* four bands at a time: no sum exceeds its 16 bits */
            uint64_t four[4];
            memcpy(four, sums + 16 * x, sizeof four);
            four[0] += four[1] + four[2] + four[3];
            memcpy(sums + 4 * x, four, sizeof four[0]);
        }
        for (Py_ssize_t i = 0; i < 4 * whole; i++)
            out[i] = (uint8_t)((sums[i] + 8) >> 4);
    } else {
        for (Py_ssize_t i = 0; i < bytes; i++) {
            unsigned sum = 0;
            for (Py_ssize_t y = 0; y < rows; y++)
                sum += pixels[y * bytes + i];
            sums[i] = (uint16_t)sum;
        }
    }
    for (Py_ssize_t x = rows == 4 ? whole : 0; 4 * x < width; x++) {
        const Py_ssize_t columns = width - 4 * x < 4 ? width - 4 * x : 4;
        const uint32_t count = (uint32_t)(rows * columns), reciprocal = (1u << 24) / count;
        for (int band = 0; band < 4; band++) {
            uint32_t sum = count / 2;
            for (Py_ssize_t i = 0; i < columns; i++)
                sum += sums[4 * (4 * x + i) + band];
            out[4 * x + band] = (uint8_t)(count == 16 ? sum >> 4 : sum * reciprocal >> 24);
        }
    }
}

/* shrink_by_four(pixels, height, width, out, rows, luma): *pixels* (height, width, 4) averaged as `Image.reduce(4)`.
 *
 * And, while they are at hand, luma of the *rows* (int32, in any order), as `luma_rows` gives it: that a pixel comes
 * out of memory costs more than both.
 */
static PyObject *shrink_by_four(PyObject *self, PyObject *arguments)
{
    Py_buffer b[4];
    Py_ssize_t height, width;
    PyObject *answer = NULL;
    if (!PyArg_ParseTuple(arguments, "y*nnw*y*w*", &b[0], &height, &width, &b[1], &b[2], &b[3]))
        return NULL;
    const Py_ssize_t count = b[2].len / (Py_ssize_t)sizeof(int32_t);
    const int32_t *rows = b[2].buf;
    if (!is_side(height) || !is_side(width) || !are_rows(rows, count, height)) {
        set_wrong_size();
    } else if (holds(&b[0], height * width, 4) && holds(&b[1], ((height + 3) / 4) * ((width + 3) / 4), 4) &&
               holds(&b[2], count, sizeof *rows) && holds(&b[3], count * width, 1)) {
        uint16_t *sums = malloc(4 * (size_t)width * sizeof *sums);
        int32_t *first = malloc(((size_t)height + (size_t)count) * sizeof *first), *next = first + height;
        if (sums == NULL || first == NULL) {
            PyErr_NoMemory();
        } else {
            const uint8_t *pixels = b[0].buf;
            uint8_t *out = b[1].buf;
            for (Py_ssize_t y = 0; y < height; y++) /* of each row, which places in *luma* want it */
                first[y] = -1;
            for (Py_ssize_t i = 0; i < count; i++) {
                next[i] = first[rows[i]];
                first[rows[i]] = (int32_t)i;
            }
            for (Py_ssize_t top = 0; top < height; top += 4) {
                const Py_ssize_t end = height - top < 4 ? height : top + 4;
                shrink_rows(pixels + 4 * top * width, width, end - top, sums, out + top * ((width + 3) / 4));
                for (Py_ssize_t y = top; y < end; y++)
                    for (int32_t i = first[y]; i >= 0; i = next[i])
                        luma_of(pixels + 4 * y * width, width, (uint8_t *)b[3].buf + i * width);
            }
            answer = Py_NewRef(Py_None);
        }
        free(sums);
        free(first);
    }
    release_all(b, 4);
    return answer;
}

/* luma_rows(pixels, height, width, rows, out): luma of the *rows* (int32) of *pixels* (height, width, 4). */
static PyObject *luma_rows(PyObject *self, PyObject *arguments)
{
    Py_buffer b[3];
    Py_ssize_t height, width;
    PyObject *answer = NULL;
    if (!PyArg_ParseTuple(arguments, "y*nny*w*", &b[0], &height, &width, &b[1], &b[2]))
        return NULL;
    const Py_ssize_t count = b[1].len / (Py_ssize_t)sizeof(int32_t);
    const int32_t *rows = b[1].buf;
    if (!is_side(height) || !is_side(width) || !are_rows(rows, count, height)) {
        set_wrong_size();
    } else if (holds(&b[0], height * width, 4) && holds(&b[1], count, sizeof *rows) &&
               holds(&b[2], count * width, 1)) {
        for (Py_ssize_t i = 0; i < count; i++)
            luma_of((const uint8_t *)b[0].buf + 4 * rows[i] * width, width, (uint8_t *)b[2].buf + i * width);
        answer = Py_NewRef(Py_None);
    }
    release_all(b, 3);
    return answer;
}

/* ---- features/measurements.py: _sums */

/* Where the sums of one row of cells go, each with an entry for every column of pixels. */
struct CellRow {
    float *laplacian, *mixed, *second; /* squares; magnitudes of one line a strip; two columns less than pixels */
    uint8_t *high, *low;               /* how many are burnt out, how many blocked */
    int32_t *squares;
    uint16_t *magnitudes;              /* scratch: mixed, then second differences */
};

/* Adds one inner line, between its neighbours *above* and *below*. Returns Σ laplacian. */
FOR_SEVERAL_PROCESSORS
static int64_t add_line(const uint8_t *restrict above, const uint8_t *restrict line, const uint8_t *restrict below,
                        Py_ssize_t inner, int32_t *restrict squares)
{
    int32_t total = 0; /* at most 32,767 times 1,020 */
    for (Py_ssize_t x = 0; x < inner; x++) {
        const int16_t laplacian =
            (int16_t)(above[x + 1] + below[x + 1] + line[x] + line[x + 2] - 4 * line[x + 1]);
        squares[x] += laplacian * laplacian;
        total += laplacian;
    }
    return total;
}

/* Adds the magnitudes of Immerkær's filter and of second differences along one line. */
FOR_SEVERAL_PROCESSORS
static void add_magnitudes(const uint8_t *restrict above, const uint8_t *restrict line,
                           const uint8_t *restrict below, Py_ssize_t inner, uint16_t *restrict mixed,
                           uint16_t *restrict second)
{
    for (Py_ssize_t x = 0; x < inner; x++) {
        const int16_t left = (int16_t)(above[x] + below[x] - 2 * line[x]);
        const int16_t here = (int16_t)(above[x + 1] + below[x + 1] - 2 * line[x + 1]);
        const int16_t right = (int16_t)(above[x + 2] + below[x + 2] - 2 * line[x + 2]);
        const int16_t filter = (int16_t)(left + right - 2 * here);
        const int16_t along = (int16_t)(line[x] + line[x + 2] - 2 * line[x + 1]);
        mixed[x] = (uint16_t)(mixed[x] + (filter < 0 ? -filter : filter));
        second[x] = (uint16_t)(second[x] + (along < 0 ? -along : along));
    }
}

/* Adds to the counts of pixels of at least *highest*, and of at most *lowest*. */
FOR_SEVERAL_PROCESSORS
static void add_clipped(const uint8_t *restrict line, Py_ssize_t width, int highest, int lowest,
                        uint8_t *restrict high, uint8_t *restrict low)
{
    for (Py_ssize_t x = 0; x < width; x++) {
        high[x] = (uint8_t)(high[x] + (line[x] >= highest));
        low[x] = (uint8_t)(low[x] + (line[x] <= lowest));
    }
}

/* Counts of a line's levels; four tables, since in a sky each count would wait for the one before it. */
static void add_levels(const uint8_t *line, Py_ssize_t width, uint32_t counts[4][256])
{
    Py_ssize_t x = 0;
    for (; x + 4 <= width; x += 4)
        for (int i = 0; i < 4; i++)
            counts[i][line[x + i]]++;
    for (; x < width; x++)
        counts[0][line[x]]++;
}

/* strip_energies(strips, shape, clip_high, clip_low, laplacian, mixed, second, high, low, levels) -> Σ laplacian
 *
 * strips: (lines, cell rows, places, width) uint8, at most 16 inner lines a cell. Out: the sums that `_energies`
 * gives, float32 (cell rows, width − 2), whole numbers below 2²⁴; counts (cell rows, width) uint8 of pixels that
 * are clipped; levels: (256,) int64 histogram of the inner lines.
 */
static PyObject *strip_energies(PyObject *self, PyObject *arguments)
{
    Py_buffer b[7];
    Py_ssize_t lines, rows, places, width;
    int highest, lowest;
    PyObject *answer = NULL;
    if (!PyArg_ParseTuple(arguments, "y*(nnnn)iiw*w*w*w*w*w*", &b[0], &lines, &rows, &places, &width, &highest,
                          &lowest, &b[1], &b[2], &b[3], &b[4], &b[5], &b[6]))
        return NULL;
    const Py_ssize_t inner = width > 2 ? width - 2 : 0;
    if (lines < 3 || places < 1 || !is_side(rows) || !is_side(width) || lines > 18 || places > 16 ||
        (lines - 2) * places > 16) {
        set_wrong_size();
    } else if (holds(&b[0], lines * rows * places * width, 1) && holds(&b[1], rows * inner, sizeof(float)) &&
               holds(&b[2], rows * inner, sizeof(float)) && holds(&b[3], rows * inner, sizeof(float)) &&
               holds(&b[4], rows * width, 1) && holds(&b[5], rows * width, 1) &&
               holds(&b[6], 256, sizeof(int64_t))) {
        const size_t scratch = (size_t)(inner ? inner : 1);
        int32_t *squares = malloc(scratch * sizeof *squares);
        uint16_t *mixed = malloc(2 * scratch * sizeof *mixed), *second = mixed + scratch;
        uint32_t counts[4][256] = {{0}};
        const uint8_t *strips = b[0].buf;
        const Py_ssize_t line_step = rows * places * width; /* from a line to the next of its strip */
        int64_t total = 0;
        if (squares == NULL || mixed == NULL) {
            PyErr_NoMemory();
        } else {
            for (Py_ssize_t row = 0; row < rows; row++) {
                uint8_t *high = (uint8_t *)b[4].buf + row * width, *low = (uint8_t *)b[5].buf + row * width;
                memset(squares, 0, scratch * sizeof *squares);
                memset(mixed, 0, 2 * scratch * sizeof *mixed);
                memset(high, 0, (size_t)width);
                memset(low, 0, (size_t)width);
                for (Py_ssize_t place = 0; place < places; place++) {
                    const uint8_t *line = strips + (row * places + place) * width + line_step;
                    add_magnitudes(line - line_step, line, line + line_step, inner, mixed, second);
                    for (Py_ssize_t i = 1; i < lines - 1; i++, line += line_step) {
                        total += add_line(line - line_step, line, line + line_step, inner, squares);
                        add_clipped(line, width, highest, lowest, high, low);
                        add_levels(line, width, counts);
                    }
                }
                float *out[3];
                for (int i = 0; i < 3; i++)
                    out[i] = (float *)b[1 + i].buf + row * inner;
                for (Py_ssize_t x = 0; x < inner; x++) {
                    out[0][x] = (float)squares[x];
                    out[1][x] = (float)mixed[x];
                    out[2][x] = (float)second[x];
                }
            }
            for (int level = 0; level < 256; level++)
                ((int64_t *)b[6].buf)[level] =
                    (int64_t)counts[0][level] + counts[1][level] + counts[2][level] + counts[3][level];
            answer = PyLong_FromLongLong(total);
        }
        free(squares);
        free(mixed);
    }
    release_all(b, 7);
    return answer;
}


/* ---- features/measurements.py: _CellMeans */

/* cell_sums(pixels, luma, height, width, rows, columns, sums): what the cells of a small picture add up to.
 *
 * pixels: (height, width, 4). luma: (height, width). Cells have 258 pixels at most. sums: (5, rows, columns) float32,
 * whole numbers below 2²⁴: luma, its square, red − green, (red + green) / 2 rounded down − blue, largest − least.
 */
static PyObject *cell_sums(PyObject *self, PyObject *arguments)
{
    Py_buffer b[3];
    Py_ssize_t height, width, rows, columns;
    PyObject *answer = NULL;
    if (!PyArg_ParseTuple(arguments, "y*y*nnnnw*", &b[0], &b[1], &height, &width, &rows, &columns, &b[2]))
        return NULL;
    if (!is_side(height) || !is_side(width) || rows < 1 || rows > height || columns < 1 || columns > width) {
        set_wrong_size();
    } else if (holds(&b[0], height * width, 4) && holds(&b[1], height * width, 1) &&
               holds(&b[2], 5 * rows * columns, sizeof(float))) {
        int32_t *sums = calloc(5 * (size_t)columns, sizeof *sums);
        if (sums == NULL) {
            PyErr_NoMemory();
        } else {
            for (Py_ssize_t y = 0; y < height; y++) {
                const uint8_t *pixel = (const uint8_t *)b[0].buf + 4 * y * width;
                const uint8_t *luma = (const uint8_t *)b[1].buf + y * width;
                const Py_ssize_t row = y * rows / height;
                for (Py_ssize_t column = 0, x = 0; column < columns; column++) {
                    int32_t total[5] = {0};
                    for (; x * columns / width == column && x < width; x++, pixel += 4) {
                        const int red = pixel[0], green = pixel[1], blue = pixel[2];
                        const int more = red > green ? red : green, less = red < green ? red : green;
                        total[0] += luma[x];
                        total[1] += luma[x] * luma[x];
                        total[2] += red - green;
                        total[3] += ((red + green) >> 1) - blue;
                        total[4] += (more > blue ? more : blue) - (less < blue ? less : blue);
                    }
                    for (int which = 0; which < 5; which++)
                        sums[which * columns + column] += total[which];
                }
                if (y + 1 == height || (y + 1) * rows / height != row) { /* the last line of its cells */
                    for (int which = 0; which < 5; which++)
                        for (Py_ssize_t column = 0; column < columns; column++)
                            ((float *)b[2].buf)[(which * rows + row) * columns + column] =
                                (float)sums[which * columns + column];
                    memset(sums, 0, 5 * (size_t)columns * sizeof *sums);
                }
            }
            free(sums);
            answer = Py_NewRef(Py_None);
        }
    }
    release_all(b, 3);
    return answer;
}

PyMethodDef pixel_functions[] = {
    {"address_of_pixels", address_of_pixels, METH_VARARGS, NULL},
    {"new_pixels", new_pixels, METH_VARARGS, NULL},
    {"shrink_by_four", shrink_by_four, METH_VARARGS, NULL},
    {"luma_rows", luma_rows, METH_VARARGS, NULL},
    {"cell_sums", cell_sums, METH_VARARGS, NULL},
    {"strip_energies", strip_energies, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};
