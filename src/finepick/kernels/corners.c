/* Corners of a small grey picture and what they look like: features/keypoints.py, `_corners`. */

#include "kernels.h"

/* Weights 1 4 6 4 1 over five values that lie *step* apart. */
#define BINOMIAL(v, step) ((v)[0] + (v)[4 * (step)] + 4 * ((v)[step] + (v)[3 * (step)]) + 6 * (v)[2 * (step)])

/* Products of the slopes of one row; *above* and *below* are equal where the row lies on the rim. */
FOR_SEVERAL_PROCESSORS
static void multiply_slopes(const uint8_t *above, const uint8_t *row, const uint8_t *below, Py_ssize_t width,
                            int32_t *restrict xx, int32_t *restrict yy, int32_t *restrict xy)
{
    for (Py_ssize_t x = 1; x < width - 1; x++) {
        const int32_t across = row[x + 1] - row[x - 1], down = below[x] - above[x];
        xx[x] = across * across;
        yy[x] = down * down;
        xy[x] = across * down;
    }
    for (int side = 0; side < 2; side++) {
        const Py_ssize_t x = side ? width - 1 : 0;
        const int32_t down = below[x] - above[x];
        xx[x] = xy[x] = 0;
        yy[x] = down * down;
    }
}

/* One row of the response, two pixels of rim left out; *products* are three planes, five rows from here on. */
FOR_SEVERAL_PROCESSORS
static void respond(const int32_t *products, Py_ssize_t plane, Py_ssize_t width, int32_t *restrict columns,
                    float *restrict response)
{
    for (int which = 0; which < 3; which++) {
        const int32_t *product = products + which * plane;
        int32_t *sums = columns + which * width;
        for (Py_ssize_t x = 0; x < width; x++)
            sums[x] = BINOMIAL(product + x, width);
    }
    const int32_t *xx = columns, *yy = xx + width, *xy = yy + width;
    for (Py_ssize_t x = 0; x < width - 4; x++) {
        /* Whole numbers up to 2²⁴, so a float holds them, and their 256th part. */
        const float a = (float)BINOMIAL(xx + x, 1) * 0.00390625f;
        const float b = (float)BINOMIAL(yy + x, 1) * 0.00390625f;
        const float c = (float)BINOMIAL(xy + x, 1) * 0.00390625f;
        const float trace = (a + b) + 1e-3f;
        response[x + 2] = (a * b - c * c) / trace;
    }
}

/* corner_response(level, height, width, response): as `_corner_response` of the slopes of *level* (uint8). */
static PyObject *corner_response(PyObject *self, PyObject *arguments)
{
    Py_buffer b[2];
    Py_ssize_t height, width;
    PyObject *answer = NULL;
    if (!PyArg_ParseTuple(arguments, "y*nnw*", &b[0], &height, &width, &b[1]))
        return NULL;
    if (!is_side(height) || !is_side(width) || height < 5 || width < 5) {
        set_wrong_size();
    } else if (holds(&b[0], height * width, 1) && holds(&b[1], height * width, sizeof(float))) {
        const uint8_t *level = b[0].buf;
        float *response = b[1].buf;
        const Py_ssize_t plane = height * width;
        int32_t *products = malloc(3 * ((size_t)plane + (size_t)width) * sizeof *products);
        if (products == NULL) {
            PyErr_NoMemory();
        } else {
            int32_t *columns = products + 3 * plane;
            for (Py_ssize_t y = 0; y < height; y++) {
                const uint8_t *row = level + y * width;
                const int is_rim = y == 0 || y == height - 1;
                int32_t *product = products + y * width;
                multiply_slopes(is_rim ? row : row - width, row, is_rim ? row : row + width, width, product,
                                product + plane, product + 2 * plane);
            }
            memset(response, 0, (size_t)plane * sizeof *response);
            for (Py_ssize_t y = 2; y < height - 2; y++)
                respond(products + (y - 2) * width, plane, width, columns, response + y * width);
            free(products);
            answer = Py_NewRef(Py_None);
        }
    }
    release_all(b, 2);
    return answer;
}

struct Corner {
    uint32_t bits; /* of its strength, a float */
    int32_t place, rank; /* rank: how many stronger ones its tile has */
};

#define DIGIT_BITS 11
#define DIGITS (1 << DIGIT_BITS)

/* Sorts *corners* by strength, which is positive, and keeps the order of equal ones; *scratch* is as long.
 *
 * Digit by digit: a float above zero is in the order of its bits, so turned round the strongest come first.
 */
static void sort_by_strength(struct Corner *corners, struct Corner *scratch, Py_ssize_t count)
{
    for (int shift = 0; shift < 3 * DIGIT_BITS; shift += DIGIT_BITS) {
        Py_ssize_t starts[DIGITS + 1] = {0};
        for (Py_ssize_t i = 0; i < count; i++)
            starts[(~corners[i].bits >> shift & (DIGITS - 1)) + 1]++;
        for (int digit = 0; digit < DIGITS; digit++)
            starts[digit + 1] += starts[digit];
        for (Py_ssize_t i = 0; i < count; i++)
            scratch[starts[~corners[i].bits >> shift & (DIGITS - 1)]++] = corners[i];
        memcpy(corners, scratch, (size_t)count * sizeof *corners);
    }
}

/* Where the parabola through three neighbours has its top, as `_between_pixels`. */
static float top_of_parabola(float before, float centre, float after)
{
    const float bend = 2.0f * centre - before - after;
    const float moved = 0.5f * (after - before) / (bend > 1e-6f ? bend : 1e-6f);
    return moved < -0.5f ? -0.5f : moved > 0.5f ? 0.5f : moved;
}

/* find_peaks(response, height, width, rim, least, count, tile, rows, columns, y, x) -> how many there are
 *
 * As `_peaks` with `_fair_share`, then `_between_pixels`. Out, at most *count* of each: rows, columns (int64),
 * y, x (float32).
 */
static PyObject *find_peaks(PyObject *self, PyObject *arguments)
{
    Py_buffer b[5];
    Py_ssize_t height, width, rim, count;
    float least;
    double tile;
    PyObject *answer = NULL;
    if (!PyArg_ParseTuple(arguments, "y*nnnfndw*w*w*w*", &b[0], &height, &width, &rim, &least, &count, &tile, &b[1],
                          &b[2], &b[3], &b[4]))
        return NULL;
    if (!is_side(height) || !is_side(width) || !(least >= 0) || rim < 1 || 2 * rim >= height || 2 * rim >= width || count < 1 ||
        count > LONGEST_SIDE || !(tile >= 1)) {
        set_wrong_size();
    } else if (holds(&b[0], height * width, sizeof(float)) && holds(&b[1], count, sizeof(int64_t)) &&
               holds(&b[2], count, sizeof(int64_t)) && holds(&b[3], count, sizeof(float)) &&
               holds(&b[4], count, sizeof(float))) {
        const float *response = b[0].buf;
        const size_t tiles_across = (size_t)((double)width / tile) + 1, tiles_down = (size_t)((double)height / tile) + 1;
        const Py_ssize_t most = (height - 2 * rim) * (width - 2 * rim);
        struct Corner *corners = malloc(2 * (size_t)most * sizeof *corners);
        int32_t *in_tile = calloc(tiles_across * tiles_down, sizeof *in_tile);
        if (corners == NULL || in_tile == NULL) {
            PyErr_NoMemory();
        } else {
            Py_ssize_t found = 0;
            for (Py_ssize_t y = rim; y < height - rim; y++)
                for (Py_ssize_t x = rim; x < width - rim; x++) {
                    const float *here = response + y * width + x;
                    memcpy(&corners[found].bits, here, sizeof *here);
                    corners[found].place = (int32_t)(y * width + x);
                    /* Without jumps, which nobody could foresee. */
                    found += (*here > least) & (*here >= here[-1]) & (*here >= here[1]) & (*here >= here[-width]) &
                             (*here >= here[width]);
                }
            sort_by_strength(corners, corners + most, found);
            if (found > 12 * count)
                found = 12 * count;
            int32_t last_rank = -1;
            for (Py_ssize_t i = 0; i < found; i++) {
                const size_t row = (size_t)((double)(corners[i].place / width) / tile);
                const size_t column = (size_t)((double)(corners[i].place % width) / tile);
                corners[i].rank = in_tile[row * tiles_across + column]++;
                if (corners[i].rank > last_rank)
                    last_rank = corners[i].rank;
            }
            /* Every tile's best before any tile's next. */
            Py_ssize_t chosen = 0;
            for (int32_t rank = 0; rank <= last_rank; rank++)
                for (Py_ssize_t i = 0; i < found && chosen < count; i++)
                    if (corners[i].rank == rank) {
                        const int32_t place = corners[i].place;
                        const float *here = response + place;
                        ((int64_t *)b[1].buf)[chosen] = place / width;
                        ((int64_t *)b[2].buf)[chosen] = place % width;
                        ((float *)b[3].buf)[chosen] =
                            (float)(place / width) + top_of_parabola(here[-width], *here, here[width]);
                        ((float *)b[4].buf)[chosen] =
                            (float)(place % width) + top_of_parabola(here[-1], *here, here[1]);
                        chosen++;
                    }
            answer = PyLong_FromSsize_t(chosen);
        }
        free(corners);
        free(in_tile);
    }
    release_all(b, 5);
    return answer;
}

#define PATCH 16
#define DIRECTIONS 8

/* Responses of the slopes of one patch in eight directions, each PATCH², *step* apart. */
FOR_SEVERAL_PROCESSORS
static void describe_patch(const uint8_t *level, Py_ssize_t width, float *restrict response, Py_ssize_t step)
{
    for (int row = 0; row < PATCH; row++, level += width, response += PATCH) {
        float along[4][PATCH];
        for (int x = 0; x < PATCH; x++) {
            const float across = (float)(level[x + 1] - level[x - 1]);
            const float down = (float)(level[x + width] - level[x - width]);
            const float length = (across * across + down * down) + 1e-6f;
            const float halved = 1.0f / sqrtf(sqrtf(length));
            const float east = across * halved, south = down * halved;
            along[0][x] = east;
            along[1][x] = (east + south) * 0.70710678f;
            along[2][x] = south;
            along[3][x] = (south - east) * 0.70710678f;
        }
        for (int axis = 0; axis < 4; axis++) {
            float *restrict ahead = response + axis * step, *restrict behind = response + (axis + 4) * step;
            for (int x = 0; x < PATCH; x++) {
                const float square = along[axis][x] * along[axis][x];
                ahead[x] = along[axis][x] > 0 ? square : 0;
                behind[x] = along[axis][x] < 0 ? square : 0;
            }
        }
    }
}

/* patch_responses(level, height, width, rows, columns, count, response): as the first half of `_describe_patches`.
 *
 * rows, columns: int64, at least half a patch and one pixel away from the rim. response: (8, count, 256) float32.
 */
static PyObject *patch_responses(PyObject *self, PyObject *arguments)
{
    Py_buffer b[4];
    Py_ssize_t height, width, count;
    PyObject *answer = NULL;
    if (!PyArg_ParseTuple(arguments, "y*nny*y*nw*", &b[0], &height, &width, &b[1], &b[2], &count, &b[3]))
        return NULL;
    if (!is_side(height) || !is_side(width) || count < 0 || count > LONGEST_SIDE) {
        set_wrong_size();
    } else if (holds(&b[0], height * width, 1) && holds(&b[1], count, sizeof(int64_t)) &&
               holds(&b[2], count, sizeof(int64_t)) &&
               holds(&b[3], DIRECTIONS * count * PATCH * PATCH, sizeof(float))) {
        const int64_t *rows = b[1].buf, *columns = b[2].buf;
        const Py_ssize_t reach = PATCH / 2;
        int inside = 1;
        for (Py_ssize_t i = 0; i < count; i++)
            inside &= rows[i] > reach && rows[i] < height - reach && columns[i] > reach &&
                      columns[i] < width - reach;
        if (!inside) {
            set_wrong_size();
        } else {
            for (Py_ssize_t i = 0; i < count; i++)
                describe_patch((const uint8_t *)b[0].buf + (rows[i] - reach) * width + columns[i] - reach, width,
                               (float *)b[3].buf + i * PATCH * PATCH, count * PATCH * PATCH);
            answer = Py_NewRef(Py_None);
        }
    }
    release_all(b, 4);
    return answer;
}

struct Pair {
    float likeness;
    int32_t row, column;
};

/* The likest first, then in the order of the rows. */
static int by_likeness(const void *left, const void *right)
{
    const struct Pair *a = left, *b = right;
    if (a->likeness != b->likeness)
        return a->likeness < b->likeness ? 1 : -1;
    return (a->row > b->row) - (a->row < b->row);
}

/* pair_mutual(likeness, rows, columns, most_apart, pairs) -> how many pairs there are
 *
 * The second half of `match`. likeness: (rows, columns) float32. A pair counts where each is the other's nearest and
 * (1 − likeness) is less than *most_apart* times that of the next nearest. Out: pairs (rows, 2) int64, most alike
 * first.
 */
static PyObject *pair_mutual(PyObject *self, PyObject *arguments)
{
    Py_buffer b[2];
    Py_ssize_t rows, columns;
    float most_apart;
    PyObject *answer = NULL;
    if (!PyArg_ParseTuple(arguments, "y*nnfw*", &b[0], &rows, &columns, &most_apart, &b[1]))
        return NULL;
    if (!is_side(rows) || !is_side(columns)) {
        set_wrong_size();
    } else if (holds(&b[0], rows * columns, sizeof(float)) && holds(&b[1], 2 * rows, sizeof(int64_t))) {
        const float *likeness = b[0].buf;
        /* The likest of every column, how alike it is and how alike the next one. */
        int32_t *nearest = calloc((size_t)columns, sizeof *nearest);
        float *best = malloc(2 * (size_t)columns * sizeof *best), *second = best + columns;
        struct Pair *pairs = malloc((size_t)rows * sizeof *pairs);
        if (nearest == NULL || best == NULL || pairs == NULL) {
            PyErr_NoMemory();
        } else {
            for (Py_ssize_t x = 0; x < columns; x++) {
                best[x] = likeness[x];
                second[x] = -1;
            }
            for (Py_ssize_t y = 1; y < rows; y++)
                for (Py_ssize_t x = 0; x < columns; x++) {
                    const float value = likeness[y * columns + x];
                    const int is_best = value > best[x];
                    second[x] = is_best ? best[x] : value > second[x] ? value : second[x];
                    best[x] = is_best ? value : best[x];
                    nearest[x] = is_best ? (int32_t)y : nearest[x];
                }
            Py_ssize_t found = 0;
            for (Py_ssize_t y = 0; y < rows; y++) {
                const float *row = likeness + y * columns;
                Py_ssize_t there = 0;
                float next = -1;
                for (Py_ssize_t x = 1; x < columns; x++)
                    if (row[x] > row[there]) {
                        next = row[there];
                        there = x;
                    } else if (row[x] > next) {
                        next = row[x];
                    }
                if (nearest[there] != y)
                    continue;
                next = second[there] > next ? second[there] : next;
                if (1 - row[there] < most_apart * (1 - next))
                    pairs[found++] = (struct Pair){row[there], (int32_t)y, (int32_t)there};
            }
            qsort(pairs, (size_t)found, sizeof *pairs, by_likeness);
            for (Py_ssize_t i = 0; i < found; i++) {
                ((int64_t *)b[1].buf)[2 * i] = pairs[i].row;
                ((int64_t *)b[1].buf)[2 * i + 1] = pairs[i].column;
            }
            answer = PyLong_FromSsize_t(found);
        }
        free(nearest);
        free(best);
        free(pairs);
    }
    release_all(b, 2);
    return answer;
}

PyMethodDef corner_functions[] = {
    {"corner_response", corner_response, METH_VARARGS, NULL},
    {"find_peaks", find_peaks, METH_VARARGS, NULL},
    {"patch_responses", patch_responses, METH_VARARGS, NULL},
    {"pair_mutual", pair_mutual, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};
