/* What all files of the compiled module share: how arguments are checked, and for which processors is compiled.
 *
 * Every function here mirrors one in Python, which is named beside it and is the reference: results are the same to
 * the last bit. Whole numbers are summed in whole numbers, which no order can change; floating-point operations are
 * those of NumPy, one by one and in its precision, never contracted into fused ones (`-ffp-contract=off`).
 *
 * A function raises ValueError where a buffer has another length than its sizes ask for, and after that check
 * touches nothing outside of its buffers.
 */

#ifndef FINEPICK_KERNELS_H
#define FINEPICK_KERNELS_H

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* On x86-64 under GNU/Linux hot functions exist twice, and the loader takes the one that the processor can run. */
#if defined(__x86_64__) && defined(__gnu_linux__) && defined(__GNUC__) && !defined(__clang__)
#define FOR_SEVERAL_PROCESSORS __attribute__((target_clones("avx2", "default")))
#else
#define FOR_SEVERAL_PROCESSORS
#endif

#define LONGEST_SIDE 32767

static inline int is_side(Py_ssize_t length)
{
    return length >= 1 && length <= LONGEST_SIDE;
}

/* Whether *buffer* holds exactly *count* items of *size* bytes; sets ValueError where it does not. */
static inline int holds(const Py_buffer *buffer, Py_ssize_t count, size_t size)
{
    if (count >= 0 && buffer->len / (Py_ssize_t)size == count && buffer->len % (Py_ssize_t)size == 0)
        return 1;
    PyErr_SetString(PyExc_ValueError, "a buffer does not have the size that was said");
    return 0;
}

/* Whether all of *rows* are rows of a picture of *height*. */
static inline int are_rows(const int32_t *rows, Py_ssize_t count, Py_ssize_t height)
{
    int inside = count <= LONGEST_SIDE;
    for (Py_ssize_t i = 0; i < count && inside; i++)
        inside = rows[i] >= 0 && rows[i] < height;
    return inside;
}

static inline void release_all(Py_buffer *buffers, int count)
{
    for (int i = 0; i < count; i++)
        PyBuffer_Release(&buffers[i]);
}

static inline void set_wrong_size(void)
{
    PyErr_SetString(PyExc_ValueError, "a size is out of range");
}

extern PyMethodDef pixel_functions[], small_functions[], corner_functions[], plane_functions[];

#endif
