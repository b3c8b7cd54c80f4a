/* The version of this library. */
#ifndef BRAID_VERSION_H
#define BRAID_VERSION_H

#include <os/base.h>

#define BRAID_VERSION_MAJOR  0
#define BRAID_VERSION_MINOR  1
#define BRAID_VERSION_PATCH  0
#define BRAID_VERSION_STRING "0.1.0"

BRAID_DECLS_BEGIN

/*!
 * @function braid_version
 * @result The version that runs, as text; BRAID_VERSION_STRING is the one compiled against.
 *   Static.
 */
const char *braid_version(void);

BRAID_DECLS_END

#endif
