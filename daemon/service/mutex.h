// A mutex whose guards the compiler checks: std::mutex with the attributes of clang's thread safety analysis, and
// without a cost. What is guarded says so in its declaration, as GUARDED_BY(mutex_); a function that wants the lock
// held says REQUIRES(mutex_). Other compilers ignore it.
//
//   MutexLock lock(mutex_);
//   while (queue_.empty()) condition_.wait(lock);   // a loop, not a predicate: the analysis does not see into lambdas
//
// Thread: any. Fails: never.
// See:    https://clang.llvm.org/docs/ThreadSafetyAnalysis.html
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

#if defined(__clang__)
#define EDGETIDE_THREAD_SAFETY(attribute) __attribute__((attribute))
#else
#define EDGETIDE_THREAD_SAFETY(attribute)
#endif
#define GUARDED_BY(mutex) EDGETIDE_THREAD_SAFETY(guarded_by(mutex))
#define PT_GUARDED_BY(mutex) EDGETIDE_THREAD_SAFETY(pt_guarded_by(mutex))
#define REQUIRES(...) EDGETIDE_THREAD_SAFETY(requires_capability(__VA_ARGS__))
#define ACQUIRE(...) EDGETIDE_THREAD_SAFETY(acquire_capability(__VA_ARGS__))
#define RELEASE(...) EDGETIDE_THREAD_SAFETY(release_capability(__VA_ARGS__))
// Of a function that reads without the lock, on the one thread that writes. It says so.
#define NO_THREAD_SAFETY_ANALYSIS EDGETIDE_THREAD_SAFETY(no_thread_safety_analysis)

namespace edgetide {

class EDGETIDE_THREAD_SAFETY(capability("mutex")) Mutex {
 public:
  void lock() ACQUIRE() { mutex_.lock(); }
  void unlock() RELEASE() { mutex_.unlock(); }

 private:
  friend class MutexLock;
  std::mutex mutex_;
};

// Holds the mutex until its end, but between `unlock` and `lock`.
class EDGETIDE_THREAD_SAFETY(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) ACQUIRE(mutex) : lock_(mutex.mutex_) {}
  ~MutexLock() RELEASE() {}
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

  void lock() ACQUIRE() { lock_.lock(); }
  void unlock() RELEASE() { lock_.unlock(); }

 private:
  friend class Condition;
  std::unique_lock<std::mutex> lock_;
};

class Condition {
 public:
  void notify_one() noexcept { condition_.notify_one(); }
  void notify_all() noexcept { condition_.notify_all(); }

  void wait(MutexLock& lock) { condition_.wait(lock.lock_); }
  template <typename Rep, typename Period>
  std::cv_status wait_for(MutexLock& lock, std::chrono::duration<Rep, Period> duration) {
    return condition_.wait_for(lock.lock_, duration);
  }
  template <typename Clock, typename Duration>
  std::cv_status wait_until(MutexLock& lock, std::chrono::time_point<Clock, Duration> until) {
    return condition_.wait_until(lock.lock_, until);
  }

 private:
  std::condition_variable condition_;
};

}  // namespace edgetide
