/* Which system this is, in the words of Apple's TargetConditionals: none of Apple's. */
#ifndef BRAID_TARGETCONDITIONALS_H
#define BRAID_TARGETCONDITIONALS_H

#define TARGET_OS_MAC           0
#define TARGET_OS_OSX           0
#define TARGET_OS_IPHONE        0
#define TARGET_OS_IOS           0
#define TARGET_OS_WATCH         0
#define TARGET_OS_TV            0
#define TARGET_OS_VISION        0
#define TARGET_OS_MACCATALYST   0
#define TARGET_OS_UIKITFORMAC   0
#define TARGET_OS_SIMULATOR     0
#define TARGET_OS_EMBEDDED      0
#define TARGET_OS_DRIVERKIT     0
#define TARGET_OS_BRIDGE        0
#define TARGET_OS_NANO          0
#define TARGET_IPHONE_SIMULATOR 0
#define TARGET_OS_WIN32         0
#define TARGET_OS_WINDOWS       0
#define TARGET_OS_UNIX          0
#define TARGET_OS_LINUX         1

#if defined(__x86_64__)
#define TARGET_CPU_X86_64 1
#else
#define TARGET_CPU_X86_64 0
#endif
#if defined(__i386__)
#define TARGET_CPU_X86 1
#else
#define TARGET_CPU_X86 0
#endif
#if defined(__aarch64__)
#define TARGET_CPU_ARM64 1
#else
#define TARGET_CPU_ARM64 0
#endif
#if defined(__arm__)
#define TARGET_CPU_ARM 1
#else
#define TARGET_CPU_ARM 0
#endif

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define TARGET_RT_LITTLE_ENDIAN 0
#define TARGET_RT_BIG_ENDIAN    1
#else
#define TARGET_RT_LITTLE_ENDIAN 1
#define TARGET_RT_BIG_ENDIAN    0
#endif
#if defined(__LP64__)
#define TARGET_RT_64_BIT 1
#else
#define TARGET_RT_64_BIT 0
#endif

#endif
