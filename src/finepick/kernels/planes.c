/* Frames laid over one another: sampling, medians, neighbourhoods. */

#include "kernels.h"

/* sample_planes(planes, rows, columns, depth, points, across, down, values, inside): as differences/maps.py.
 *
 * planes: (rows, columns, depth) float32. points: (k, 2) float64, pixels once multiplied by *across* and *down*.
 * Out: values (k, depth) float32, inside (k,) uint8. NumPy takes the fractions in float64, and so does this.
 */
static PyObject *sample_planes(PyObject *self, PyObject *arguments)
{
    Py_buffer b[4];
    Py_ssize_t rows, columns, depth;
    double across, down;
    PyObject *answer = NULL;
    if (!PyArg_ParseTuple(arguments, "y*nnny*ddw*w*", &b[0], &rows, &columns, &depth, &b[1], &across, &down, &b[2],
                          &b[3]))
        return NULL;
    const Py_ssize_t count = b[1].len / (Py_ssize_t)(2 * sizeof(double));
    if (!is_side(rows) || !is_side(columns) || !is_side(depth) || count > INT32_MAX) {
        set_wrong_size();
    } else if (holds(&b[0], rows * columns * depth, sizeof(float)) && holds(&b[1], 2 * count, sizeof(double)) &&
               holds(&b[2], count * depth, sizeof(float)) && holds(&b[3], count, 1)) {
        const float *planes = b[0].buf, last_column = (float)(columns - 1), last_row = (float)(rows - 1);
        const double *points = b[1].buf;
        float *values = b[2].buf;
        uint8_t *inside = b[3].buf;
        for (Py_ssize_t i = 0; i < count; i++) {
            float x = (float)(points[2 * i] * across - 0.5), y = (float)(points[2 * i + 1] * down - 0.5);
            inside[i] = x > -1 && y > -1 && x < (float)columns && y < (float)rows;
            x = x > 0 ? x < last_column ? x : last_column : 0; /* 0 for what is no number */
            y = y > 0 ? y < last_row ? y : last_row : 0;
            const Py_ssize_t left = (Py_ssize_t)x, top = (Py_ssize_t)y;
            const Py_ssize_t right = left + 1 < columns ? left + 1 : left, below = top + 1 < rows ? top + 1 : top;
            const double fx = (double)x - (double)left, fy = (double)y - (double)top;
            const float *top_left = planes + (top * columns + left) * depth;
            const float *top_right = planes + (top * columns + right) * depth;
            const float *low_left = planes + (below * columns + left) * depth;
            const float *low_right = planes + (below * columns + right) * depth;
            for (Py_ssize_t d = 0; d < depth; d++) {
                const float upper = (float)((double)top_left[d] + (double)(top_right[d] - top_left[d]) * fx);
                const float lower = (float)((double)low_left[d] + (double)(low_right[d] - low_left[d]) * fx);
                values[i * depth + d] = upper + (float)((double)(lower - upper) * fy);
            }
        }
        answer = Py_NewRef(Py_None);
    }
    release_all(b, 4);
    return answer;
}

/* sample_level(pixels, rows, columns, points, transform, values, inside): as `_sample` of differences/registration.py.
 *
 * pixels: (rows, columns) float32. points: (k, 2) float32. transform: (2, 3) float32, to pixels. Out: values (k,)
 * float32, inside (k,) uint8.
 */
static PyObject *sample_level(PyObject *self, PyObject *arguments)
{
    Py_buffer b[5];
    Py_ssize_t rows, columns;
    PyObject *answer = NULL;
    if (!PyArg_ParseTuple(arguments, "y*nny*y*w*w*", &b[0], &rows, &columns, &b[1], &b[2], &b[3], &b[4]))
        return NULL;
    const Py_ssize_t count = b[1].len / (Py_ssize_t)(2 * sizeof(float));
    if (!is_side(rows) || !is_side(columns) || count > INT32_MAX) {
        set_wrong_size();
    } else if (holds(&b[0], rows * columns, sizeof(float)) && holds(&b[1], 2 * count, sizeof(float)) &&
               holds(&b[2], 6, sizeof(float)) && holds(&b[3], count, sizeof(float)) && holds(&b[4], count, 1)) {
        const float *pixels = b[0].buf, *points = b[1].buf, *to = b[2].buf;
        const float far_right = columns > 1 ? (float)(columns - 1.001) : 0, far_down = rows > 1 ? (float)(rows - 1.001) : 0;
        const Py_ssize_t right = columns > 1, below = rows > 1 ? columns : 0;
        float *values = b[3].buf;
        uint8_t *inside = b[4].buf;
        for (Py_ssize_t i = 0; i < count; i++) {
            const float px = points[2 * i], py = points[2 * i + 1];
            const float x = ((to[0] * px + to[1] * py) + to[2]) - 0.5f, y = ((to[3] * px + to[4] * py) + to[5]) - 0.5f;
            inside[i] = x >= 0 && y >= 0 && x <= (float)(columns - 1) && y <= (float)(rows - 1);
            const Py_ssize_t left = (Py_ssize_t)(x > 0 ? x < far_right ? x : far_right : 0);
            const Py_ssize_t top = (Py_ssize_t)(y > 0 ? y < far_down ? y : far_down : 0);
            const float fx = x - (float)left, fy = y - (float)top;
            const float *corner = pixels + top * columns + left;
            const float upper = corner[0] * (1 - fx) + corner[right] * fx;
            const float lower = corner[below] * (1 - fx) + corner[below + right] * fx;
            values[i] = upper * (1 - fy) + lower * fy;
        }
        answer = Py_NewRef(Py_None);
    }
    release_all(b, 5);
    return answer;
}

/* median_of_others(ordered, planes, counted, count, size, median, some): as `_median_of_others` of differences/maps.py.
 *
 * All (count, size): *planes* float32, *counted* uint8, and *ordered*, the counted ones sorted, infinity behind them.
 * Out: the median of the counted others, and whether there are any.
 */
static PyObject *median_of_others(PyObject *self, PyObject *arguments)
{
    Py_buffer b[5];
    Py_ssize_t count, size;
    PyObject *answer = NULL;
    if (!PyArg_ParseTuple(arguments, "y*y*y*nnw*w*", &b[0], &b[1], &b[2], &count, &size, &b[3], &b[4]))
        return NULL;
    if (count < 1 || size < 1 || count > PY_SSIZE_T_MAX / 8 / size) {
        set_wrong_size();
    } else if (holds(&b[0], count * size, sizeof(float)) && holds(&b[1], count * size, sizeof(float)) &&
               holds(&b[2], count * size, 1) && holds(&b[3], count * size, sizeof(float)) &&
               holds(&b[4], count * size, 1)) {
        const float *ordered = b[0].buf, *planes = b[1].buf;
        const uint8_t *counted = b[2].buf;
        float *median = b[3].buf;
        uint8_t *some = b[4].buf;
        int32_t *seen = calloc((size_t)size, sizeof *seen);
        if (seen == NULL) {
            PyErr_NoMemory();
        } else {
            for (Py_ssize_t i = 0; i < count; i++)
                for (Py_ssize_t x = 0; x < size; x++)
                    seen[x] += counted[i * size + x] != 0;
            for (Py_ssize_t i = 0; i < count; i++)
                for (Py_ssize_t x = 0; x < size; x++) {
                    const Py_ssize_t here = i * size + x, others = seen[x] - (counted[here] != 0);
                    some[here] = others > 0;
                    median[here] = planes[here];
                    if (others > 0) {
                        float middle[2];
                        for (int which = 0; which < 2; which++) {
                            const float *value = ordered + ((others - 1 + which) / 2) * size + x;
                            /* Among the others: the next one where the value itself stands no later. */
                            middle[which] = counted[here] && planes[here] <= *value ? value[size] : *value;
                        }
                        median[here] = 0.5f * (middle[0] + middle[1]);
                    }
                }
            free(seen);
            answer = Py_NewRef(Py_None);
        }
    }
    release_all(b, 5);
    return answer;
}

/* 3 × 3 extremes around the pixels of one row; *above* and *below* are the row itself at the rim. */
FOR_SEVERAL_PROCESSORS
static void find_extremes(const float *above, const float *row, const float *below, Py_ssize_t columns,
                          float *restrict least, float *restrict most, float *restrict scratch)
{
    float *restrict low = scratch, *restrict high = scratch + columns;
    for (Py_ssize_t x = 0; x < columns; x++) {
        const float a = above[x], b = row[x], c = below[x];
        const float smaller = a < b ? a : b, larger = a > b ? a : b;
        low[x] = smaller < c ? smaller : c;
        high[x] = larger > c ? larger : c;
    }
    least[0] = low[0], most[0] = high[0];
    for (Py_ssize_t x = 1; x < columns; x++) {
        least[x] = low[x] < low[x - 1] ? low[x] : low[x - 1];
        most[x] = high[x] > high[x - 1] ? high[x] : high[x - 1];
    }
    for (Py_ssize_t x = 0; x < columns - 1; x++) {
        least[x] = low[x + 1] < least[x] ? low[x + 1] : least[x];
        most[x] = high[x + 1] > most[x] ? high[x + 1] : most[x];
    }
}

/* out = max(out, how far *values* lie outside of what is between *least* and *most*). */
FOR_SEVERAL_PROCESSORS
static void measure_outside(const float *values, const float *least, const float *most, Py_ssize_t columns,
                            float *restrict out)
{
    for (Py_ssize_t x = 0; x < columns; x++) {
        const float over = values[x] - most[x], under = least[x] - values[x];
        const float outside = over > under ? over : under;
        out[x] = outside > out[x] ? outside : out[x];
    }
}

/* unexplained(a, b, count, rows, columns, out): as `_unexplained` of differences/maps.py, planes of float32. */
static PyObject *unexplained(PyObject *self, PyObject *arguments)
{
    Py_buffer b[3];
    Py_ssize_t count, rows, columns;
    PyObject *answer = NULL;
    if (!PyArg_ParseTuple(arguments, "y*y*nnnw*", &b[0], &b[1], &count, &rows, &columns, &b[2]))
        return NULL;
    if (!is_side(count) || !is_side(rows) || !is_side(columns)) {
        set_wrong_size();
    } else if (holds(&b[0], count * rows * columns, sizeof(float)) &&
               holds(&b[1], count * rows * columns, sizeof(float)) &&
               holds(&b[2], count * rows * columns, sizeof(float))) {
        float *scratch = malloc(4 * (size_t)columns * sizeof *scratch);
        if (scratch == NULL) {
            PyErr_NoMemory();
        } else {
            float *least = scratch + 2 * columns, *most = least + columns;
            memset(b[2].buf, 0, (size_t)b[2].len);
            for (Py_ssize_t row = 0; row < count * rows; row++) {
                const Py_ssize_t before = row % rows ? columns : 0, after = row % rows < rows - 1 ? columns : 0;
                for (int which = 0; which < 2; which++) {
                    const float *values = (const float *)b[which].buf + row * columns;
                    const float *other = (const float *)b[1 - which].buf + row * columns;
                    find_extremes(other - before, other, other + after, columns, least, most, scratch);
                    measure_outside(values, least, most, columns, (float *)b[2].buf + row * columns);
                }
            }
            free(scratch);
            answer = Py_NewRef(Py_None);
        }
    }
    release_all(b, 3);
    return answer;
}

/* out = values / 2 + before / 4 + after / 4, in this order. */
FOR_SEVERAL_PROCESSORS
static void blend(const float *values, const float *before, const float *after, Py_ssize_t count,
                  float *restrict out)
{
    for (Py_ssize_t i = 0; i < count; i++)
        out[i] = (values[i] * 0.5f + before[i] * 0.25f) + after[i] * 0.25f;
}

/* smooth(planes, count, rows, columns, out): as `_smooth` of differences/maps.py. */
static PyObject *smooth(PyObject *self, PyObject *arguments)
{
    Py_buffer b[2];
    Py_ssize_t count, rows, columns;
    PyObject *answer = NULL;
    if (!PyArg_ParseTuple(arguments, "y*nnnw*", &b[0], &count, &rows, &columns, &b[1]))
        return NULL;
    if (!is_side(count) || !is_side(rows) || !is_side(columns)) {
        set_wrong_size();
    } else if (holds(&b[0], count * rows * columns, sizeof(float)) &&
               holds(&b[1], count * rows * columns, sizeof(float))) {
        float *across = malloc((size_t)(rows * columns) * sizeof *across);
        if (across == NULL) {
            PyErr_NoMemory();
        } else {
            for (Py_ssize_t plane = 0; plane < count; plane++) {
                const float *values = (const float *)b[0].buf + plane * rows * columns;
                float *out = (float *)b[1].buf + plane * rows * columns;
                for (Py_ssize_t y = 0; y < rows; y++, values += columns) {
                    float *row = across + y * columns;
                    const Py_ssize_t last = columns - 1;
                    if (last > 1)
                        blend(values + 1, values, values + 2, last - 1, row + 1);
                    /* At the rim NumPy adds the pixel itself last. */
                    row[0] = (values[0] * 0.5f + values[last ? 1 : 0] * 0.25f) + values[0] * 0.25f;
                    if (last)
                        row[last] = (values[last] * 0.5f + values[last - 1] * 0.25f) + values[last] * 0.25f;
                }
                for (Py_ssize_t y = 0; y < rows; y++) {
                    const float *row = across + y * columns;
                    const float *above = y ? row - columns : rows > 1 ? row + columns : row;
                    const float *below = y && y < rows - 1 ? row + columns : row;
                    blend(row, above, below, columns, out + y * columns);
                }
            }
            free(across);
            answer = Py_NewRef(Py_None);
        }
    }
    release_all(b, 2);
    return answer;
}

PyMethodDef plane_functions[] = {
    {"sample_planes", sample_planes, METH_VARARGS, NULL},
    {"sample_level", sample_level, METH_VARARGS, NULL},
    {"median_of_others", median_of_others, METH_VARARGS, NULL},
    {"unexplained", unexplained, METH_VARARGS, NULL},
    {"smooth", smooth, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};
