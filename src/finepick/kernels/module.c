/* The module `finepick.kernels._compiled`. */

#include "kernels.h"

/* Raised whenever a function takes or gives something else: a file that was built before is then not used. */
#define VERSION 2

static int fill(PyObject *module)
{
    if (PyModule_AddFunctions(module, pixel_functions) || PyModule_AddFunctions(module, small_functions) ||
        PyModule_AddFunctions(module, corner_functions) || PyModule_AddFunctions(module, plane_functions))
        return -1;
    return PyModule_AddIntConstant(module, "VERSION", VERSION);
}

static PyModuleDef_Slot slots[] = {{Py_mod_exec, (void *)fill}, {0, NULL}};

static struct PyModuleDef definition = {
    .m_base = PyModuleDef_HEAD_INIT, .m_name = "_compiled", .m_slots = slots};

PyMODINIT_FUNC PyInit__compiled(void)
{
    return PyModuleDef_Init(&definition);
}
