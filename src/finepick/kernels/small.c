/* Passes over a picture that was averaged down: colours, slopes, edges, contrast. */

#include "kernels.h"

/* ---- features/measurements.py: _opponents */

/* opponents(pixels, count, rg, yb): red − green, and (red + green) / 2 rounded down − blue, as float32.
 *
 * pixels: (count, 4) uint8.
 */
FOR_SEVERAL_PROCESSORS
static void take_opponents(const uint8_t *restrict pixels, Py_ssize_t count, float *restrict rg, float *restrict yb)
{
    for (Py_ssize_t i = 0; i < count; i++) {
        const int red = pixels[4 * i], green = pixels[4 * i + 1], blue = pixels[4 * i + 2];
        rg[i] = (float)(red - green);
        yb[i] = (float)(((red + green) >> 1) - blue);
    }
}

static PyObject *opponents(PyObject *self, PyObject *arguments)
{
    Py_buffer b[3];
    Py_ssize_t count;
    PyObject *answer = NULL;
    if (!PyArg_ParseTuple(arguments, "y*nw*w*", &b[0], &count, &b[1], &b[2]))
        return NULL;
    if (count < 1 || count > INT32_MAX) {
        set_wrong_size();
    } else if (holds(&b[0], count, 4) && holds(&b[1], count, sizeof(float)) && holds(&b[2], count, sizeof(float))) {
        take_opponents(b[0].buf, count, b[1].buf, b[2].buf);
        answer = Py_NewRef(Py_None);
    }
    release_all(b, 3);
    return answer;
}

/* ---- features/measurements.py: _slopes */

/* slopes_at(pixels, height, width, rows, gx, gy): slopes of the green of *pixels* (height, width, 4) at *rows*.
 *
 * rows: int32. Out: central differences in grey levels a pixel, float32 (rows, width); *gx* is 0 at both sides.
 */
FOR_SEVERAL_PROCESSORS
static void take_slopes(const uint8_t *restrict above, const uint8_t *restrict line, const uint8_t *restrict below,
                        Py_ssize_t width, float *restrict gx, float *restrict gy)
{
    for (Py_ssize_t x = 0; x < width; x++)
        gy[x] = (float)(below[4 * x + 1] - above[4 * x + 1]) * 0.5f;
    for (Py_ssize_t x = 1; x < width - 1; x++)
        gx[x] = (float)(line[4 * x + 5] - line[4 * x - 3]) * 0.5f;
    gx[0] = gx[width - 1] = 0;
}

static PyObject *slopes_at(PyObject *self, PyObject *arguments)
{
    Py_buffer b[4];
    Py_ssize_t height, width;
    PyObject *answer = NULL;
    if (!PyArg_ParseTuple(arguments, "y*nny*w*w*", &b[0], &height, &width, &b[1], &b[2], &b[3]))
        return NULL;
    const Py_ssize_t count = b[1].len / (Py_ssize_t)sizeof(int32_t);
    const int32_t *rows = b[1].buf;
    if (!is_side(height) || !is_side(width) || !are_rows(rows, count, height)) {
        set_wrong_size();
    } else if (holds(&b[0], height * width, 4) && holds(&b[1], count, sizeof *rows) &&
               holds(&b[2], count * width, sizeof(float)) && holds(&b[3], count * width, sizeof(float))) {
        for (Py_ssize_t i = 0; i < count; i++) {
            const uint8_t *line = (const uint8_t *)b[0].buf + 4 * rows[i] * width;
            take_slopes(rows[i] > 0 ? line - 4 * width : line, line, rows[i] < height - 1 ? line + 4 * width : line,
                        width, (float *)b[2].buf + i * width, (float *)b[3].buf + i * width);
        }
        answer = Py_NewRef(Py_None);
    }
    release_all(b, 4);
    return answer;
}

/* ---- features/measurements.py: _steep_points, _hough_votes */

/* One row of `_steepness_of_level_edges`. */
FOR_SEVERAL_PROCESSORS
static void take_steepness(const uint8_t *restrict above, const uint8_t *restrict line,
                           const uint8_t *restrict below, Py_ssize_t width, int16_t *restrict steep)
{
    for (Py_ssize_t x = 1; x < width - 1; x++) {
        const int16_t down = (int16_t)(below[x] - above[x]), along = (int16_t)(line[x + 1] - line[x - 1]);
        const int16_t rise = (int16_t)(down < 0 ? -down : down), run = (int16_t)(along < 0 ? -along : along);
        steep[x] = (int16_t)(20 * run <= 7 * rise ? rise : 0);
    }
    steep[0] = steep[width - 1] = 0;
}

/* steep_points(luma, height, width, most, places, steepness) -> how many there are
 *
 * As `_steep_points`. Out: places (height × width) int64, flat indices in their order, and steepness, int16, of each.
 */
static PyObject *steep_points(PyObject *self, PyObject *arguments)
{
    Py_buffer b[3];
    Py_ssize_t height, width, most;
    PyObject *answer = NULL;
    if (!PyArg_ParseTuple(arguments, "y*nnnw*w*", &b[0], &height, &width, &most, &b[1], &b[2]))
        return NULL;
    if (!is_side(height) || !is_side(width) || width < 2) {
        set_wrong_size();
    } else if (holds(&b[0], height * width, 1) && holds(&b[1], height * width, sizeof(int64_t)) &&
               holds(&b[2], height * width, sizeof(int16_t))) {
        int64_t *places = b[1].buf;
        int16_t *steep = b[2].buf;
        Py_ssize_t counts[128] = {0}, found = 0;
        for (Py_ssize_t y = 0; y < height; y++) {
            const uint8_t *line = (const uint8_t *)b[0].buf + y * width;
            take_steepness(y ? line - width : line, line, y < height - 1 ? line + width : line, width,
                           steep + y * width);
        }
        for (Py_ssize_t i = 0; i < height * width; i++)
            if (steep[i] >= 6)
                counts[steep[i] >> 1]++;
        /* The least steepness that no more than *most* places reach: an even one, and 6 at least. */
        int least = 128;
        for (Py_ssize_t sum = 0; least > 0 && sum + counts[least - 1] <= most; least--)
            sum += counts[least - 1];
        least = 2 * least > 6 ? 2 * least : 6;
        for (Py_ssize_t i = 0; i < height * width; i++)
            if (steep[i] >= least) {
                places[found] = i;
                steep[found++] = steep[i];
            }
        answer = PyLong_FromSsize_t(found);
    }
    release_all(b, 3);
    return answer;
}

/* hough_votes(x, y, weights, slopes, height, votes): as `_hough_votes`; *votes* (slopes, 3 × height) float64. */
static PyObject *hough_votes(PyObject *self, PyObject *arguments)
{
    Py_buffer b[5];
    Py_ssize_t height;
    PyObject *answer = NULL;
    if (!PyArg_ParseTuple(arguments, "y*y*y*y*nw*", &b[0], &b[1], &b[2], &b[3], &height, &b[4]))
        return NULL;
    const Py_ssize_t count = b[2].len / (Py_ssize_t)sizeof(float), slopes = b[3].len / (Py_ssize_t)sizeof(double);
    const Py_ssize_t bins = 3 * height;
    if (!is_side(height) || slopes > LONGEST_SIDE || count > INT32_MAX) {
        set_wrong_size();
    } else if (holds(&b[0], count, sizeof(double)) && holds(&b[1], count, sizeof(double)) &&
               holds(&b[2], count, sizeof(float)) && holds(&b[3], slopes, sizeof(double)) &&
               holds(&b[4], slopes * bins, sizeof(double))) {
        const double *x = b[0].buf, *y = b[1].buf;
        const float *weights = b[2].buf;
        double *votes = b[4].buf;
        memset(votes, 0, (size_t)b[4].len);
        for (Py_ssize_t which = 0; which < slopes; which++, votes += bins) {
            const double slope = ((const double *)b[3].buf)[which];
            for (Py_ssize_t i = 0; i < count; i++) {
                const double offset = (y[i] - slope * x[i]) + (double)height;
                votes[offset > 0 ? offset < (double)bins ? (Py_ssize_t)offset : bins - 1 : 0] += (double)weights[i];
            }
            for (Py_ssize_t i = bins - 1; i > 0; i--)
                votes[i] += votes[i - 1];
        }
        answer = Py_NewRef(Py_None);
    }
    release_all(b, 5);
    return answer;
}

/* ---- features/keypoints.py: normalise_contrast */

/* spread_evenly(centred, squares, count, noise, out): the last steps of `normalise_contrast`, float32 to uint8. */
FOR_SEVERAL_PROCESSORS
static void take_evenly(const float *restrict centred, const float *restrict squares, Py_ssize_t count, float noise,
                        uint8_t *restrict out)
{
    for (Py_ssize_t i = 0; i < count; i++) {
        const float square = squares[i] > 0 ? squares[i] : 0;
        const float level = centred[i] * (42.0f / sqrtf(square + noise)) + 128.5f;
        const float positive = level > 0 ? level : 0;
        out[i] = (uint8_t)(int)(positive < 255 ? positive : 255);
    }
}

static PyObject *spread_evenly(PyObject *self, PyObject *arguments)
{
    Py_buffer b[3];
    Py_ssize_t count;
    float noise;
    PyObject *answer = NULL;
    if (!PyArg_ParseTuple(arguments, "y*y*nfw*", &b[0], &b[1], &count, &noise, &b[2]))
        return NULL;
    if (count < 0 || count > INT32_MAX) {
        set_wrong_size();
    } else if (holds(&b[0], count, sizeof(float)) && holds(&b[1], count, sizeof(float)) && holds(&b[2], count, 1)) {
        take_evenly(b[0].buf, b[1].buf, count, noise, b[2].buf);
        answer = Py_NewRef(Py_None);
    }
    release_all(b, 3);
    return answer;
}

PyMethodDef small_functions[] = {
    {"opponents", opponents, METH_VARARGS, NULL},
    {"slopes_at", slopes_at, METH_VARARGS, NULL},
    {"steep_points", steep_points, METH_VARARGS, NULL},
    {"hough_votes", hough_votes, METH_VARARGS, NULL},
    {"spread_evenly", spread_evenly, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};
