/* Objects of the system libraries as C sees them: pointers to opaque structs, counted by hand. */
#ifndef BRAID_OS_OBJECT_H
#define BRAID_OS_OBJECT_H

#include <os/base.h>

/* there is no Objective-C runtime behind our objects */
#define OS_OBJECT_HAVE_OBJC_SUPPORT       0
#define OS_OBJECT_USE_OBJC                0
#define OS_OBJECT_USE_OBJC_RETAIN_RELEASE 0

#define OS_OBJECT_RETURNS_RETAINED
#define OS_OBJECT_CONSUMED

#endif
