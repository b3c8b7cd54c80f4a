/*
 * The Network framework's C API on Linux. This header alone also brings what programs written for
 * Apple's expect of it: the C library's common headers, <dispatch/dispatch.h>, the names of
 * MacTypes.h, and the parts of CoreFoundation and Security that go with it. Errors are native Linux
 * errno numbers.
 *
 * Programs compiled without blocks use the `_f` functions: where a block is taken, they take a
 * context and a function whose first argument is that context; and, where the handler is kept
 * beyond the call, a function that ends the context's life.
 */
#ifndef BRAID_NETWORK_H
#define BRAID_NETWORK_H

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <float.h>
#include <inttypes.h>
#include <limits.h>
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/signal.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <Availability.h>
#include <CoreFoundation/CoreFoundation.h>
#include <MacTypes.h>
#include <Security/CipherSuite.h>
#include <Security/SecProtocolMetadata.h>
#include <Security/SecProtocolObject.h>
#include <Security/SecProtocolOptions.h>
#include <Security/SecProtocolTypes.h>
#include <Security/Security.h>
#include <TargetConditionals.h>
#include <dispatch/dispatch.h>
#include <os/object.h>

#ifdef __BLOCKS__
#if __has_include(<Block.h>)
#include <Block.h>
#endif
#endif

/* Apple's brings these too; on Linux they belong to other libraries, which may not be there */
#if __has_include(<uuid/uuid.h>)
#include <uuid/uuid.h>
#endif
#if __has_include(<dns_sd.h>)
#include <dns_sd.h>
#endif

#ifndef __NW_INDIRECT__
#define __NW_INDIRECT__
#define BRAID_NW_INDIRECT_IS_OURS
#endif

#include <Network/advertise_descriptor.h>
#include <Network/connection.h>
#include <Network/connection_group.h>
#include <Network/connection_report.h>
#include <Network/content_context.h>
#include <Network/endpoint.h>
#include <Network/error.h>
#include <Network/framer_options.h>
#include <Network/interface.h>
#include <Network/ip_options.h>
#include <Network/listener.h>
#include <Network/nw_object.h>
#include <Network/parameters.h>
#include <Network/path.h>
#include <Network/privacy_context.h>
#include <Network/protocol_options.h>
#include <Network/proxy_config.h>
#include <Network/resolver_config.h>
#include <Network/tcp_options.h>
#include <Network/tls_options.h>
#include <Network/txt_record.h>
#include <Network/udp_options.h>
#include <Network/ws_options.h>

#ifdef BRAID_NW_INDIRECT_IS_OURS
#undef BRAID_NW_INDIRECT_IS_OURS
#undef __NW_INDIRECT__
#endif

/*
 * BSD's word for "not used", which programs for Apple's systems write. Some kernel headers have
 * fields of that name: a program that includes those later defines BRAID_NO_UNUSED_MACRO.
 */
#if !defined(__unused) && !defined(BRAID_NO_UNUSED_MACRO)
#define __unused __attribute__((__unused__))
#endif

#endif
